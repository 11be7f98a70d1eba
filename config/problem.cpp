#include "config/problem.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace swarm::config {

namespace {

// More than a person reads at once; a generated file can hold the same mistake in every line.
constexpr std::size_t problems_shown_max = 100;

// Edits (insert, delete, replace, swap neighbours) that turn `a` into `b`, or anything above `max` once it is exceeded.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t max) {
  // The last three rows of the table suffice; a swap looks two rows back.
  std::array<std::vector<std::size_t>, 3> rows;
  for (auto& row : rows)
    row.resize(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    const auto& before = rows[(i - 1) % 3];
    auto& row = rows[i % 3];
    row[0] = i;
    auto best = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, before[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
      best = std::min(best, row[j]);
    }
    if (best > max + 1)
      return best;
  }
  return rows[a.size() % 3][b.size()];
}

} // namespace

std::string to_string(const problem& x) {
  if (x.line == 0)
    return x.source + ": " + x.text;
  return x.source + ":" + std::to_string(x.line) + ":" + std::to_string(x.column) + ": " + x.text;
}

std::string to_string(const problems& xs) {
  std::vector<const problem*> order;
  order.reserve(xs.size());
  for (const auto& x : xs)
    order.push_back(&x);
  std::stable_sort(order.begin(), order.end(), [](const problem* a, const problem* b) {
    return std::tie(a->source, a->line, a->column) < std::tie(b->source, b->line, b->column);
  });
  const auto shown = std::min(order.size(), problems_shown_max);
  std::string result;
  for (std::size_t i = 0; i < shown; ++i)
    result.append(i == 0 ? "" : "\n").append(to_string(*order[i]));
  if (shown < order.size())
    result += "\n... and " + grouped(order.size() - shown) + " more";
  return result;
}

std::string_view nearest(std::string_view name, const std::vector<std::string_view>& candidates) {
  std::string_view result;
  auto limit = name.size() / 3;
  for (const auto candidate : candidates) {
    const auto lengths_differ = std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size());
    if (lengths_differ > limit)
      continue;
    const auto distance = edit_distance(name, candidate, limit);
    if (distance > limit)
      continue;
    result = candidate;
    if (distance == 0)
      break;
    // From here on only a nearer one is better.
    limit = distance - 1;
  }
  return result;
}

std::string grouped(std::size_t x) {
  auto result = std::to_string(x);
  for (auto at = static_cast<std::ptrdiff_t>(result.size()) - 3; at > 0; at -= 3)
    result.insert(static_cast<std::size_t>(at), 1, ',');
  return result;
}

} // namespace swarm::config
