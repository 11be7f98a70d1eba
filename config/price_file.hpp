#pragma once

#include "config/problem.hpp"
#include "messages/price_table.hpp"

#include <filesystem>
#include <optional>

namespace swarm::config {

/// Reads what models cost, in US dollars per million tokens, by the day from which on it holds:
///
///   claude-opus-5-5:
///     - {from: 2026-09-22, input: 4, output: 20, cache_write_5m: 5, cache_write_1h: 8, cache_read: 0.20}
///
/// A name may end in '*'. A row with `prompt_over` holds for whole requests whose prompt has more tokens than that. All
/// five prices must be there: what is left out would be free. `batch` is the part of them that a request in a batch pays;
/// 0.5 when it isn't there.
/// @param file empty for the prices that came with the program.
/// @returns nothing when `found` gained an entry.
std::optional<price_table> load_prices(const std::filesystem::path& file, problems& found);

} // namespace swarm::config
