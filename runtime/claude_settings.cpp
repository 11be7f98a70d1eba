#include "runtime/claude_settings.hpp"

#include "config/price_file.hpp"
#include "messages/error.hpp"
#include "runtime/executors/claude/credentials.hpp"

namespace swarm::runtime {

caf::expected<executors::claude::settings> claude_settings(const config::node_config& x) {
  if (auto checked = executors::claude::check_base_url(x.claude.base_url); !checked)
    return std::move(checked.error());
  config::problems found;
  auto prices = config::load_prices(x.claude.price_file, found);
  if (!prices)
    return make_error(errc::invalid_input, "the prices for claude can't be used: " + config::to_string(found));
  executors::claude::settings result;
  result.base_url = x.claude.base_url;
  while (result.base_url.ends_with('/'))
    result.base_url.pop_back();
  result.version = x.claude.version;
  result.api_key_env = x.claude.api_key_env;
  result.api_key_file = x.claude.api_key_file;
  result.model = x.claude.model;
  result.prices = std::move(*prices);
  result.first_byte_timeout = x.claude.first_byte_timeout;
  result.idle_timeout = x.claude.idle_timeout;
  result.ladder = {x.command.interrupt_grace, x.command.terminate_grace};
  result.output_head_bytes = x.command.output_head;
  result.output_tail_bytes = x.command.output_tail;
  result.output_file_bytes_max = x.command.output_file;
  result.outputs_bytes_max = x.command.outputs_kept;
  return result;
}

} // namespace swarm::runtime
