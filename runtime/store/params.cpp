#include "runtime/store/params.hpp"

namespace swarm::store {

namespace {

// Object ids of the element types, fixed in PostgreSQL's catalogue.
constexpr std::uint32_t oid_bytea = 17;
constexpr std::uint32_t oid_int8 = 20;
constexpr std::uint32_t oid_int2 = 21;
constexpr std::uint32_t oid_int4 = 23;
constexpr std::uint32_t oid_text = 25;

template <class Integer>
void put(std::string& out, Integer x) {
  for (int shift = (static_cast<int>(sizeof(Integer)) - 1) * 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>((static_cast<std::uint64_t>(x) >> shift) & 0xff));
}

/// The binary form of a one-dimensional array: header, then each element with its length (-1 for NULL).
class array_writer {
public:
  array_writer(std::uint32_t element_oid, std::size_t size) {
    put(bytes_, std::int32_t{size > 0 ? 1 : 0}); // dimensions
    put(bytes_, std::int32_t{1});                // may hold NULLs
    put(bytes_, element_oid);
    if (size > 0) {
      put(bytes_, static_cast<std::int32_t>(size));
      put(bytes_, std::int32_t{1}); // lower bound
    }
  }

  template <class Integer>
  void number(Integer x) {
    put(bytes_, static_cast<std::int32_t>(sizeof(Integer)));
    put(bytes_, x);
  }

  void text(std::string_view x) {
    put(bytes_, static_cast<std::int32_t>(x.size()));
    bytes_.append(x);
  }

  void null() { put(bytes_, std::int32_t{-1}); }

  std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
};

template <class Integer>
std::string number_array(std::uint32_t oid, const std::vector<Integer>& numbers) {
  array_writer out{oid, numbers.size()};
  for (auto x : numbers)
    out.number(x);
  return out.take();
}

std::string text_array(std::uint32_t oid, const std::vector<std::string>& texts) {
  array_writer out{oid, texts.size()};
  for (auto& x : texts)
    out.text(x);
  return out.take();
}

} // namespace

void params::add(std::nullptr_t) {
  values_.push_back({{}, true, false});
}

void params::add(std::string_view text) {
  values_.push_back({std::string{text}, false, false});
}

void params::add(std::int64_t number) {
  values_.push_back({std::to_string(number), false, false});
}

void params::add(const std::vector<std::int16_t>& numbers) {
  values_.push_back({number_array(oid_int2, numbers), false, true});
}

void params::add(const std::vector<std::int32_t>& numbers) {
  values_.push_back({number_array(oid_int4, numbers), false, true});
}

void params::add(const std::vector<std::optional<std::int32_t>>& numbers) {
  array_writer out{oid_int4, numbers.size()};
  for (auto& x : numbers)
    x ? out.number(*x) : out.null();
  values_.push_back({out.take(), false, true});
}

void params::add(const std::vector<std::int64_t>& numbers) {
  values_.push_back({number_array(oid_int8, numbers), false, true});
}

void params::add(const std::vector<std::string>& texts) {
  values_.push_back({text_array(oid_text, texts), false, true});
}

void params::add(const std::vector<std::optional<std::string>>& texts) {
  array_writer out{oid_text, texts.size()};
  for (auto& x : texts)
    x ? out.text(*x) : out.null();
  values_.push_back({out.take(), false, true});
}

void params::add_bytes(const std::vector<std::string>& values) {
  values_.push_back({text_array(oid_bytea, values), false, true});
}

params::view params::as_view() const {
  view result;
  for (auto& x : values_) {
    result.values.push_back(x.is_null ? nullptr : x.bytes.c_str());
    result.lengths.push_back(static_cast<int>(x.bytes.size()));
    result.formats.push_back(x.is_binary ? 1 : 0);
  }
  return result;
}

} // namespace swarm::store
