// What a server may send in place of an answer: any bytes. A run cuts them in three ways and demands the same message of
// all, so that neither the bytes nor where the network cuts them can crash the node or change what a ticket is told.

#include "messages/error.hpp"
#include "runtime/executors/claude/message_stream.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace {

using namespace swarm::executors::claude;

/// Small, so that inputs of a fuzzer reach them.
constexpr sse_limits limits{2'000, 3'000};
constexpr std::size_t message_bytes_max = 4'000;

/// All that can be seen of a message.
std::string text_of(const streamed_message& x) {
  const auto dump = [](const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  auto result = x.id + '|' + x.model + '|' + x.stop_reason + '|' + x.stop_sequence + '|' + dump(x.stop_details) + '|'
                + dump(x.usage) + '|' + std::to_string(x.usage_is_final) + std::to_string(x.is_finished)
                + std::to_string(x.error.has_value()) + '|' + dump(content_of(x)) + '|' + dump(complete_content_of(x)) + '|'
                + std::to_string(has_complete_work(x)) + std::to_string(ends_in_cut_tool_use(x))
                + std::to_string(billed_usage(x).has_value());
  for (const auto& block : x.content)
    result += '|' + std::to_string(static_cast<int>(block.state)) + block.input_text;
  return result;
}

std::string read(std::string_view bytes, std::size_t piece_bytes) {
  message_stream stream{message_bytes_max};
  std::string events;
  std::string trouble;
  sse_parser parser{[&](const sse_event& x) {
                      events += std::string{x.name} + '\n' + std::string{x.data} + '\n';
                      if (auto added = stream.add(x); !added && trouble.empty())
                        trouble = swarm::render(added.error());
                    },
                    limits};
  for (std::size_t at = 0; at < bytes.size(); at += piece_bytes)
    if (auto fed = parser.feed(bytes.substr(at, piece_bytes)); !fed)
      events += swarm::render(fed.error());
  return events + '|' + trouble + '|' + std::to_string(stream.is_acceptable()) + text_of(stream.message());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto whole = read(bytes, std::max<std::size_t>(1, bytes.size()));
  for (const auto piece_bytes : {std::size_t{1}, std::size_t{data[0]} + 1})
    if (const auto cut = read(bytes, piece_bytes); cut != whole) {
      std::cerr << "in pieces of " << piece_bytes << " bytes it reads\n" << cut << "\nand at once\n" << whole << '\n';
      std::abort();
    }
  return 0;
}
