#pragma once

#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace swarm {

/// A schema with more parts than this, references followed, is refused, and so is one whose parts nest deeper: one that
/// refers to itself has no end of them.
constexpr std::size_t schema_parts_max = 10'000;
constexpr std::size_t schema_depth_max = 200;

/// Applications of a part to a value; some seconds.
constexpr std::size_t match_steps_max = 20'000'000;

/// What becomes of the keyword "format".
enum class schema_formats : std::uint8_t {
  refused,  ///< Nobody judges it, so it would demand nothing.
  unjudged, ///< Whoever writes the document has been told of it.
};

/// A JSON Schema of draft 7 that was read and found to be one. Patterns are RE2's, which takes a time that is linear in the
/// text and in the pattern: an engine that tries all ways can be kept busy for years by thirty letters.
class json_schema {
public:
  /// @returns errc::invalid_input with a predicate that names the place: for a keyword that isn't judged here (a misspelled
  /// one would demand nothing), one whose value isn't what it must be, a reference out of the schema, which is never
  /// fetched, one into nowhere, and a pattern that can't be matched in linear time.
  static caf::expected<json_schema> read(const nlohmann::json&, schema_formats = schema_formats::refused);

  /// The first places where a document isn't as the schema demands, a sentence each; none when it matches.
  /// @returns errc::invalid_input with a predicate when it takes more than `match_steps_max` steps to know.
  /// @param document as `read_foreign_json` gives it, because its depth is that of the recursion.
  caf::expected<std::vector<std::string>> violations(const nlohmann::json& document) const;

  /// What `violations` go with.
  struct parts;

private:
  explicit json_schema(std::shared_ptr<const parts> x) : parts_(std::move(x)) {}

  std::shared_ptr<const parts> parts_;
};

/// How an answer that was asked for by a schema departs from it: a predicate for a sentence; empty when it doesn't.
/// @param schema the text of one. One that can't be read is a departure, too.
std::string departure_from(const std::string& schema, const nlohmann::json& answer);

} // namespace swarm
