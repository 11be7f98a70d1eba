#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace swarm::redact {

/// Calls `use` with a secret as it is and in each form in which programs pass it on; forms may come more than once.
///
///   base64   both alphabets, with and without padding, alone or at any place of a longer encoded text. There the first
///            and the last byte may share a character with a neighbour: it stays, with 4 bits of the secret at most.
///            Alone also in lines of 64 or 76 characters, as openssl and base64 write it
///   URL      what is left unescaped differs: eight conventions, in upper and lower hexadecimal
///   JSON     with and without escaped slashes, HTML characters and non-ASCII, in upper and lower hexadecimal;
///            also twice, as JSON that stands as a text in other JSON
///   lines    of a secret that has several, with the ends that a terminal gives them, alone or in JSON
///
/// Not found: other lines that are wrapped inside the secret, and other encodings of encodings.
void for_each_variant(std::string_view secret, const std::function<void(std::string_view)>& use);

/// Overwrites the text before it is forgotten.
void wipe(std::string&);

} // namespace swarm::redact
