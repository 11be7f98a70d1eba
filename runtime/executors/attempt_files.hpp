#pragma once

#include "messages/ids.hpp"

#include <caf/expected.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace swarm::executors {

/// The files that a program and its node share during one attempt: what the last attempt failed of, for it to read, its
/// result, for it to write, and all that it writes to its output. They go with this object:
///
///   <folder>/7-42.output        of a ticket and a fence that are being worked on; also .result.json and .last_failure
///   <folder>/outputs/7-42       the same, kept after the end of the attempt
///
/// No folder for each attempt: to make and remove one takes a disk longer than a short program takes to run.
class attempt_files {
public:
  /// No files.
  attempt_files() = default;

  /// Names them, and writes the `last_failure` if there is one.
  /// @param folder that nobody else can read. It is made again when a program has removed it.
  static caf::expected<attempt_files> make(const std::filesystem::path& folder, const claim_ref&,
                                           const std::string& last_failure);

  attempt_files(attempt_files&&) noexcept;
  attempt_files& operator=(attempt_files&&) noexcept;
  ~attempt_files();

  /// Paths for the program; empty when there is no such file.
  std::string result_file() const;
  std::string last_failure_file() const;

  /// For all of the output.
  std::string output_file() const;

  /// Leaves the output behind. Of all that were left, the oldest go as long as they are longer than `outputs_bytes_max`
  /// together.
  void keep_output(std::uint64_t outputs_bytes_max) const;

  /// What the program wrote, as a JSON object with some of the members `result` (anything), `notes` (a text), `usage`
  /// (an object), `progress` (a number) and `spec_impossible` (a text); empty when it wrote nothing.
  /// @returns errc::invalid_input with a sentence.
  caf::expected<std::string> read_result() const;

private:
  std::string path_; ///< Of all of them, without their ends.
  bool has_last_failure_ = false;
};

/// Counts how often a program's result file was found changed: by writing it, it shows that it goes on. A look takes
/// nothing but the file's times.
class result_watch {
public:
  /// @param file may be empty or not there.
  explicit result_watch(std::string file = {}) : file_(std::move(file)) {}

  /// Grows with each change since the last look.
  std::int64_t look();

private:
  std::string file_;
  std::array<std::int64_t, 4> seen_{};
  std::int64_t changes_ = 0;
};

/// Why nobody can do what the ticket asks for, by the word of the program that left this result: cut to some hundred
/// bytes, empty when it doesn't say so.
std::string why_impossible(std::string_view result);

/// Removes what attempts of an earlier life have left in `folder`, and keeps their outputs as above: they are all there is.
void sweep_attempt_files(const std::filesystem::path& folder, std::uint64_t outputs_bytes_max);

} // namespace swarm::executors
