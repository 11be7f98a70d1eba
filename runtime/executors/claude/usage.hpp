#pragma once

#include "messages/price_table.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>

namespace swarm::executors::claude {

/// From the `usage` object of the API. Cache writes that it doesn't break down by lifetime count as those of 5 minutes;
/// absent and null kinds are 0. Nothing when `input_tokens` or `output_tokens` is absent, or a count isn't a whole
/// number from 0 to 10^12: such a call must be charged at its reservation, not at 0.
std::optional<token_usage> read_usage(const nlohmann::json& usage);

} // namespace swarm::executors::claude
