#pragma once

#include "runtime/executors/redact/redactor.hpp"

#include <string>

namespace swarm::redact {

/// A JSON document with its texts redacted, one by one: redacted as a whole it could lose a quote, and nobody could read it
/// any more. A number that is a secret becomes a text. What isn't JSON is redacted like any text.
std::string redact_json(const redactor&, const std::string& document);

} // namespace swarm::redact
