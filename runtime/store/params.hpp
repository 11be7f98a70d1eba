#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::store {

/// The parameters of one statement, in order. Scalars travel as text, which the server reads as whatever type the
/// statement wants; arrays travel in binary, so their element type must be the declared one.
class params {
public:
  template <class... Ts>
  static params of(const Ts&... xs) {
    params result;
    (result.add(xs), ...);
    return result;
  }

  void add(std::nullptr_t);
  void add(std::string_view text);
  void add(const std::string& text) { add(std::string_view{text}); }
  void add(const char* text) { add(std::string_view{text}); }
  void add(std::int64_t number);
  void add(std::int32_t number) { add(static_cast<std::int64_t>(number)); }
  void add(const std::vector<std::int16_t>& numbers);              ///< smallint[]
  void add(const std::vector<std::int32_t>& numbers);              ///< integer[]
  void add(const std::vector<std::optional<std::int32_t>>& numbers); ///< integer[] with NULLs
  void add(const std::vector<std::int64_t>& numbers);              ///< bigint[]
  void add(const std::vector<std::string>& texts);                 ///< text[]
  void add(const std::vector<std::optional<std::string>>& texts);  ///< text[] with NULLs
  void add_bytes(const std::vector<std::string>& values);          ///< bytea[]

  template <class T>
  void add(const std::optional<T>& x) {
    if (x)
      add(*x);
    else
      add(nullptr);
  }

  /// What libpq wants: pointers into this object, valid while it lives unchanged.
  struct view {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
  };
  view as_view() const;

private:
  struct value {
    std::string bytes;
    bool is_null = false;
    bool is_binary = false;
  };
  std::vector<value> values_;
};

} // namespace swarm::store
