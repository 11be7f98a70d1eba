#pragma once

#include <caf/expected.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace swarm {

// Results of dependencies in the payload of a dependent. In any string value of the JSON:
//
//   ${ticket.build.result}           the whole result of the ticket "build"
//   ${ticket.build.result.files.0}   a member of it; numbers count the elements of an array, from 0
//   $${ticket.                       the text "${ticket."
//
// A key ends before the first ".result". Members that are empty or hold '.', '$', '{' or '}' can't be named; refer to
// what they are in. Every other ${...} is left alone, and so are the names of members.
//
// A script takes none (`shell`, or ["sh", "-c", SCRIPT] in any array of texts): a result would be run as code. Its
// arguments do. Nor does a URL of kind "http" up to the end of its host, or the name of a secret: a result would choose
// who gets which.

/// Whether there is anything to resolve in a payload: a reference, or the text of one.
bool mentions_references(std::string_view payload);

/// A reference in a payload.
struct reference {
  std::string key;     ///< Of the ticket, in the same graph.
  std::string pointer; ///< JSON pointer into its result, e.g. "/files/0"; empty for all of it.
  std::string place;   ///< JSON pointer to the string in the payload, e.g. "/command/2".

  friend bool operator==(const reference&, const reference&) = default;
};

/// All references of a payload, for who submits it: mistakes of writing are known before anything runs.
/// @param kind of the ticket.
/// @returns errc::invalid_input for text that isn't JSON or is nested too deeply, and for a reference that is malformed
/// or in a place that takes none.
caf::expected<std::vector<reference>> find_references(std::string_view payload, std::string_view kind);

/// The result of a dependency as JSON; nothing for a key that is no dependency of the ticket or has no result.
using result_lookup = std::function<std::optional<std::string>(const std::string& key)>;

struct resolve_rules {
  std::size_t bytes_max = 0; ///< Of the resolved payload.
  /// Where a string that is nothing but one reference becomes the value, type and all. Elsewhere, and by default
  /// everywhere, strings stay strings.
  std::function<bool(const std::string& place)> keeps_type_at = {};
};

/// The payload with values in the place of references: strings as they are, all other values as compact JSON. What was
/// put in is never looked at again. Also undoes the escapes, so a payload is resolved once. Numbers beyond 64 bits lose
/// digits.
/// @returns errc::invalid_input as above and when the result is too long; errc::not_found for a reference to what isn't
/// there. The sentence names place and reference.
caf::expected<std::string> resolve_references(std::string_view payload, std::string_view kind, const result_lookup&,
                                              const resolve_rules&);

} // namespace swarm
