#pragma once

#include "config/problem.hpp"
#include "messages/graph.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

namespace swarm::config {

/// What a graph file leaves open.
struct graph_defaults {
  std::int16_t attempts = 3;
  caf::timespan timeout{0};
};

inline constexpr std::size_t graph_tickets_max = 100'000;
inline constexpr std::size_t dependencies_per_ticket_max = 1'000;

/// Reads a graph of tickets:
///
///   graph: hello
///   tickets:
///     configure: {command: [./configure]}
///     build:     {command: [make, -j2], needs: [configure], timeout: 10m, attempts: 3, priority: 10, queue: default,
///                 env: {CC: gcc}, cwd: hello, check: {command: [test, -x, hello], timeout: 1m}}
///
/// Relative `cwd` is taken from the file's folder, which is also the default. It needn't exist: an earlier ticket may
/// create it. Nothing is expanded, neither `~` nor `$NAME`.
///
/// All problems are reported at once, each with its place: unknown and duplicate keys, wrong types and bounds, missing
/// dependencies, and circles of dependencies with their path ("a -> b -> a"), the shortest through the first ticket of
/// each knot. The time grows with the file's size only.
/// @returns nothing when `found` gained an entry.
std::optional<new_graph> load_graph(const std::filesystem::path& file, const graph_defaults&, problems& found);

} // namespace swarm::config
