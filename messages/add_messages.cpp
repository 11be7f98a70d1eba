#include "messages/add_messages.hpp"

#include "messages/error.hpp"
#include "messages/type_ids.hpp"

#include <caf/all.hpp>

namespace swarm {

void add_messages(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::swarm>();
  config.add_error_category(caf::atom("swarm"), [](std::uint8_t code, caf::atom_value, const caf::message& context) {
    return context.size() > 0 && context.match_element<std::string>(0) ? context.get_as<std::string>(0) : to_string(static_cast<errc>(code));
  });
}

} // namespace swarm
