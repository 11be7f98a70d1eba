#pragma once

#include "runtime/checks/verdict.hpp"

#include <cstddef>
#include <string_view>

namespace swarm::checks {

/// A schema with more parts than this, references followed, is an error: so is one that refers to itself, whose parts have
/// no end.
constexpr std::size_t schema_parts_max = 10'000;

/// A longer text in a document isn't matched with a schema's patterns: the regular expressions of the standard library
/// recurse, and would end the process.
constexpr std::size_t pattern_text_bytes_max = 4'096;

/// Judges a JSON document against a JSON Schema of draft 7 (the validator is valijson's).
///
/// A document that isn't JSON or doesn't match is a failure that says where. Errors are a schema that can't be read, or has
/// a keyword that isn't judged here ("format", or a misspelled one, would else demand nothing), and a reference out of the
/// schema, which is never fetched.
finding check_json(std::string_view schema, std::string_view document);

} // namespace swarm::checks
