#include "runtime/executors/claude/usage.hpp"

#include "runtime/executors/claude/json_members.hpp"

#include <algorithm>

namespace swarm::executors::claude {

namespace {

using json = nlohmann::json;

/// Reads counts and remembers whether one couldn't be read.
class count_reader {
public:
  std::int64_t count(const json& object, const char* name) {
    constexpr std::uint64_t tokens_max = 1'000'000'000'000;
    const auto& value = member(object, name);
    if (value.is_null())
      return 0;
    // As unsigned, negative numbers are too large.
    if (!value.is_number_integer() || value.get<std::uint64_t>() > tokens_max) {
      is_readable_ = false;
      return 0;
    }
    return value.get<std::int64_t>();
  }

  bool is_readable() const { return is_readable_; }

private:
  bool is_readable_ = true;
};

} // namespace

std::optional<token_usage> read_usage(const json& usage) {
  if (member(usage, "input_tokens").is_null() || member(usage, "output_tokens").is_null())
    return std::nullopt;
  count_reader reader;
  token_usage result;
  result.input = reader.count(usage, "input_tokens");
  result.output = reader.count(usage, "output_tokens");
  result.cache_read = reader.count(usage, "cache_read_input_tokens");
  const auto& by_lifetime = member(usage, "cache_creation");
  result.cache_write_1h = reader.count(by_lifetime, "ephemeral_1h_input_tokens");
  const auto rest = reader.count(usage, "cache_creation_input_tokens") - result.cache_write_1h;
  result.cache_write_5m = std::max(reader.count(by_lifetime, "ephemeral_5m_input_tokens"), rest);
  return reader.is_readable() ? std::optional{result} : std::nullopt;
}

} // namespace swarm::executors::claude
