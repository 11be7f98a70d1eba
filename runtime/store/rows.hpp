#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct pg_result;

namespace swarm::store {

/// The rows that a statement returned, in binary format. Columns are read by position; reading a column as a type that
/// it doesn't have is a bug and asserts.
class rows {
public:
  rows() = default;
  explicit rows(pg_result* result);

  int size() const;
  bool is_null(int row, int column) const;

  /// smallint, integer and bigint alike.
  std::int64_t number(int row, int column) const;
  bool truth(int row, int column) const;
  std::string text(int row, int column) const; ///< text and bytea; "" for NULL
  std::vector<std::int64_t> numbers(int row, int column) const; ///< bigint[]

  std::optional<std::int64_t> maybe_number(int row, int column) const;
  std::optional<std::string> maybe_text(int row, int column) const;

private:
  std::string_view bytes(int row, int column) const;
  std::shared_ptr<pg_result> result_;
};

} // namespace swarm::store
