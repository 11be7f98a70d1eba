#pragma once

#include "messages/error.hpp"

#include <string_view>

namespace swarm::store {

/// What an SQLSTATE means for the caller. An empty code stands for a connection that broke without one.
///
/// | code                        | class                  | answer |
/// | 08, 57P, 25006, 53300, none | `database_unavailable` | back off, reconnect |
/// | 40001, 40P01, 55P03, 57014  | `database_contended`   | repeat with the same fence |
/// | 23                          | `constraint_violated`  | refused, not repeated |
/// | 28, 42501, 3D               | `database_denied`      | configuration, not repeated hotly |
/// | 53100                       | `disk_full`            | alarm; nothing is lost |
/// | the rest                    | `database_error`       | a bug; keeps its text |
errc classify_sqlstate(std::string_view code);

} // namespace swarm::store
