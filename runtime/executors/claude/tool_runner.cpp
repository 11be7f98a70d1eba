#include "runtime/executors/claude/tool_runner.hpp"

#include "messages/error.hpp"
#include "messages/json_schema.hpp"
#include "runtime/executors/claude/file_tools.hpp"
#include "runtime/executors/claude/json_members.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace swarm::executors::claude {

namespace {

/// Of a program, for the model: a little less than what the conversation keeps of a result.
constexpr std::uint64_t output_head_bytes = 16u << 10;
constexpr std::uint64_t output_tail_bytes = 8u << 10;

/// Of all attempts of this process, because they share the runner.
command_runner::run_id next_run() {
  static std::atomic<command_runner::run_id> last{0};
  return ++last;
}

std::string describe(const command_result& x) {
  switch (x.ending) {
    case command_ending::exited: return "exit code " + std::to_string(x.exit_code);
    case command_ending::signalled: return "ended by signal " + std::to_string(x.signal);
    case command_ending::timed_out: return "stopped, because it took too long";
    case command_ending::stopped: return "stopped";
    case command_ending::not_started: return x.error_text;
  }
  return "ended in an unknown way";
}

} // namespace

tool_runner::tool_runner(surroundings x, const claude_payload& payload) : around_(std::move(x)), payload_(payload) {}

void tool_runner::run(const std::vector<content_block>& blocks, std::function<void(tool_turn)> done) {
  done_ = std::move(done);
  turn_ = {};
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block)
    if (text_member(block->value, "type") == "tool_use")
      pending_.push_back({std::string{text_member(block->value, "id")}, std::string{text_member(block->value, "name")},
                          member(block->value, "input"), block->state == block_state::complete});
  go_on();
}

void tool_runner::go_on() {
  while (!pending_.empty() && !is_ending_) {
    const auto next = std::move(pending_.back());
    pending_.pop_back();
    auto result = begin(next);
    if (!result)
      return; // a program runs, and its end goes on from here
    turn_.results.push_back(std::move(*result));
  }
  if (!is_ending_)
    std::exchange(done_, nullptr)(std::exchange(turn_, {}));
}

/// @returns the result, or nothing when it comes later.
std::optional<tool_result> tool_runner::begin(const call& x) {
  if (!x.is_readable)
    return tool_result{x.id, "The input isn't a JSON object. Nothing was done.", true};
  auto read = read_tool_call(payload_.tools, x.name, x.input);
  if (!read)
    return tool_result{x.id, "Nothing was done: " + render(read.error()) + ".", true};
  if (auto* finish = std::get_if<finish_call>(&*read)) {
    if (!finish->is_impossible && !payload_.schema.empty())
      if (auto departure = departure_from(payload_.schema, finish->result); !departure.empty()) {
        turn_.refused_result = departure;
        return tool_result{x.id, "Nothing was done: the result " + departure + ".", true};
      }
    turn_.finish = std::move(*finish);
    return tool_result{x.id, "", false};
  }
  ++calls_;
  if (const auto* command = std::get_if<run_command_call>(&*read)) {
    begin_command(x, *command);
    return std::nullopt;
  }
  auto text = use_file(*read);
  return text ? tool_result{x.id, std::move(*text), false} : tool_result{x.id, render(text.error()), true};
}

caf::expected<std::string> tool_runner::use_file(const tool_call& x) const {
  auto files = file_tools::open(payload_.working_directory);
  if (!files)
    return std::move(files.error());
  if (const auto* read = std::get_if<read_file_call>(&x))
    return files->read(read->path, read->offset);
  if (const auto* written = std::get_if<write_file_call>(&x))
    return files->write(written->path, written->content);
  return files->list(std::get<list_files_call>(x).path);
}

void tool_runner::begin_command(const call& x, const run_command_call& command) {
  command_spec spec;
  spec.argv = command.argv;
  spec.working_directory = payload_.working_directory;
  spec.environment = around_.environment;
  spec.environment["SWARM_WORKSPACE"] = spec.working_directory;
  spec.timeout = payload_.limits.command;
  spec.output_head_bytes = output_head_bytes;
  spec.output_tail_bytes = output_tail_bytes;
  run_ = next_run();
  auto written = around_.runner.start(*run_, std::move(spec), [post = around_.post, this, id = x.id](command_result result) {
    post([this, id, result = std::move(result)] { on_command(id, result); });
  });
  std::lock_guard guard{mutex_};
  written_ = std::move(written);
}

void tool_runner::on_command(const std::string& id, const command_result& x) {
  run_.reset();
  {
    std::lock_guard guard{mutex_};
    written_before_ += written_ ? written_->load() : 0;
    written_.reset();
  }
  if (is_ending_) {
    if (auto ended = std::exchange(ended_, nullptr))
      ended();
    return;
  }
  const auto is_error = x.ending != command_ending::exited || x.exit_code != 0;
  turn_.results.push_back({id, describe(x) + "\n" + x.output, is_error});
  go_on();
}

void tool_runner::stop(std::function<void()> ended) {
  is_ending_ = true;
  if (!run_)
    return ended();
  ended_ = std::move(ended);
  around_.runner.stop(*run_);
}

void tool_runner::kill(std::function<void()> ended) {
  is_ending_ = true;
  if (!run_)
    return ended();
  ended_ = std::move(ended);
  around_.runner.kill(*run_);
}

std::int64_t tool_runner::progress() const {
  std::lock_guard guard{mutex_};
  return written_before_ + (written_ ? written_->load() : 0);
}

} // namespace swarm::executors::claude
