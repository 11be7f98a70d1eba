#include "runtime/store/rows.hpp"

#include <caf/config.hpp>

#include <libpq-fe.h>

namespace swarm::store {

namespace {

std::int64_t read_integer(std::string_view bytes) {
  CAF_ASSERT(bytes.size() == 2 || bytes.size() == 4 || bytes.size() == 8);
  std::uint64_t x = bytes.empty() || (static_cast<unsigned char>(bytes[0]) & 0x80) == 0 ? 0 : ~std::uint64_t{0};
  for (char c : bytes)
    x = (x << 8) | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(x);
}

} // namespace

rows::rows(pg_result* result) : result_(result, PQclear) {}

int rows::size() const {
  return result_ ? PQntuples(result_.get()) : 0;
}

bool rows::is_null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view rows::bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t rows::number(int row, int column) const {
  return read_integer(bytes(row, column));
}

bool rows::truth(int row, int column) const {
  auto x = bytes(row, column);
  return x.size() == 1 && x[0] != 0;
}

std::string rows::text(int row, int column) const {
  return std::string{bytes(row, column)};
}

std::vector<std::int64_t> rows::numbers(int row, int column) const {
  // Header: dimensions, flags, element type; then size and lower bound; then each element with its length.
  auto x = bytes(row, column);
  std::vector<std::int64_t> result;
  if (x.size() < 20 || read_integer(x.substr(0, 4)) != 1)
    return result;
  auto count = read_integer(x.substr(12, 4));
  std::size_t at = 20;
  for (std::int64_t i = 0; i < count; ++i) {
    auto length = static_cast<std::size_t>(read_integer(x.substr(at, 4)));
    result.push_back(read_integer(x.substr(at + 4, length)));
    at += 4 + length;
  }
  return result;
}

std::optional<std::int64_t> rows::maybe_number(int row, int column) const {
  if (is_null(row, column))
    return std::nullopt;
  return number(row, column);
}

std::optional<std::string> rows::maybe_text(int row, int column) const {
  if (is_null(row, column))
    return std::nullopt;
  return text(row, column);
}

} // namespace swarm::store
