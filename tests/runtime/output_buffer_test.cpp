#define CAF_SUITE output_buffer

#include "runtime/executors/command/output_buffer.hpp"

#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>

#include "tests/fixtures/caf_test.hpp"

using swarm::executors::output_buffer;
using namespace std::string_literals;

namespace {

std::string text_of(std::uint64_t head, std::uint64_t tail, std::initializer_list<std::string_view> pieces) {
  output_buffer buffer{head, tail};
  for (const auto piece : pieces)
    buffer.append(piece);
  return buffer.take();
}

bool is_refused(std::uint64_t head, std::uint64_t tail) {
  try {
    output_buffer{head, tail};
    return false;
  } catch (const std::length_error&) {
    return true;
  }
}

} // namespace

CAF_TEST(what fits is kept as it came) {
  CAF_CHECK_EQUAL(text_of(4, 4, {}), "");
  CAF_CHECK_EQUAL(text_of(4, 4, {"abc"}), "abc");
  CAF_CHECK_EQUAL(text_of(4, 4, {"abcd", "efgh"}), "abcdefgh");
  CAF_CHECK_EQUAL(text_of(4, 4, {"ab", "cdef", "", "gh"}), "abcdefgh");
  CAF_CHECK_EQUAL(text_of(0, 8, {"abcdefgh"}), "abcdefgh");
  CAF_CHECK_EQUAL(text_of(8, 0, {"abcdefgh"}), "abcdefgh");
}

CAF_TEST(what does not fit is replaced by a line that counts it) {
  CAF_CHECK_EQUAL(text_of(4, 4, {"abcdEfghi"}), "abcd\n... 1 bytes dropped ...\nfghi");
  CAF_CHECK_EQUAL(text_of(4, 4, {"abcd", "ef", "gh", "ij", "kl", "m"}), "abcd\n... 5 bytes dropped ...\njklm");
  CAF_CHECK_EQUAL(text_of(0, 2, {"abc"}), "\n... 1 bytes dropped ...\nbc");
  CAF_CHECK_EQUAL(text_of(2, 0, {"abc"}), "ab\n... 1 bytes dropped ...\n");
  CAF_CHECK_EQUAL(text_of(0, 0, {std::string(1'234'567, 'x')}), "\n... 1,234,567 bytes dropped ...\n");
  CAF_CHECK_EQUAL(text_of(0, 0, {std::string(1'000, 'x')}), "\n... 1,000 bytes dropped ...\n");
  CAF_CHECK_EQUAL(text_of(0, 0, {std::string(999, 'x')}), "\n... 999 bytes dropped ...\n");
}

CAF_TEST(NUL bytes and invalid UTF8 are kept) {
  const auto bytes = "\0\xff\xc3\0\x80"s;
  CAF_CHECK_EQUAL(text_of(2, 8, {bytes}), bytes);
}

CAF_TEST(head and tail are right for every way to cut a text into pieces) {
  const auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  std::mt19937 random{seed};
  const auto pick = [&](std::size_t max) { return std::uniform_int_distribution<std::size_t>{0, max}(random); };
  for (int round = 0; round < 2'000; ++round) {
    const auto head = pick(20);
    const auto tail = pick(20);
    output_buffer buffer{head, tail};
    std::string all;
    for (auto pieces = pick(12); pieces > 0; --pieces) {
      std::string piece;
      for (auto count = pick(30); count > 0; --count)
        piece.push_back(static_cast<char>('a' + pick(25)));
      buffer.append(piece);
      all += piece;
    }
    CAF_REQUIRE_EQUAL(buffer.total_bytes(), all.size());
    if (all.size() <= head + tail)
      CAF_REQUIRE_EQUAL(buffer.take(), all);
    else
      CAF_REQUIRE_EQUAL(buffer.take(), all.substr(0, head) + "\n... " + std::to_string(all.size() - head - tail)
                                         + " bytes dropped ...\n" + all.substr(all.size() - tail));
  }
}

CAF_TEST(limits beyond all memory are refused at once) {
  constexpr auto max = std::numeric_limits<std::uint64_t>::max();
  CAF_CHECK(is_refused(max, 0));
  CAF_CHECK(is_refused(0, max));
  CAF_CHECK(is_refused(max / 2, max / 2));
  CAF_CHECK(!is_refused(100, 100));
}
