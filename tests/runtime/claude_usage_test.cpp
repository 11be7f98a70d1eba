#define CAF_SUITE claude_usage

#include "runtime/executors/claude/usage.hpp"

#include <nlohmann/json.hpp>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors::claude;

namespace {

std::optional<token_usage> usage_in(const char* text) {
  return read_usage(nlohmann::json::parse(text));
}

} // namespace

CAF_TEST(usage is read with its cache writes by lifetime) {
  const std::vector<std::pair<const char*, token_usage>> rows{
    {R"({"input_tokens": 25, "output_tokens": 15})", {25, 15}},
    {R"({"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4})",
     {1, 2, 4, 0, 3}},
    {R"({"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 9,
         "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5}})",
     {1, 2, 4, 5, 0}},
    {R"({"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 9, "cache_creation": null})",
     {1, 2, 9, 0, 0}},
    {R"({"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 9,
         "cache_creation": {"ephemeral_5m_input_tokens": null, "ephemeral_1h_input_tokens": 5}})",
     {1, 2, 4, 5, 0}},
    {R"({"input_tokens": 1, "output_tokens": 2, "cache_creation": {"ephemeral_5m_input_tokens": 7}})", {1, 2, 7, 0, 0}},
    {R"({"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": null, "service_tier": "x"})", {1, 2}},
  };
  for (const auto& [text, expected] : rows)
    CAF_CHECK(usage_in(text) == std::optional{expected});
}

CAF_TEST(usage that is not all there is none and never zero) {
  for (const auto* text : {
         "null",
         "{}",
         "[]",
         "7",
         R"({"input_tokens": null, "output_tokens": 15})",
         R"({"input_tokens": 25})",
         R"({"input_tokens": "25", "output_tokens": 15})",
         R"({"input_tokens": 25.5, "output_tokens": 15})",
         R"({"input_tokens": -1, "output_tokens": 15})",
         R"({"input_tokens": 1000000000001, "output_tokens": 15})",
         R"({"input_tokens": 18446744073709551615, "output_tokens": 15})",
         R"({"input_tokens": 25, "output_tokens": 15, "cache_read_input_tokens": "many"})",
       })
    CAF_CHECK(!usage_in(text));
}
