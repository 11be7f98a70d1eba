#pragma once

#include <string>
#include <string_view>

namespace swarm {

/// Text of others in a sentence of ours: 'in quotes', at most 160 bytes, control characters written as \n or \x1b.
/// Without it a file name could forge lines of a log or drive a terminal.
std::string in_quotes(std::string_view text);

} // namespace swarm
