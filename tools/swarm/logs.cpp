#include "runtime/store/queries.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <thread>

namespace swarm::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds look_every{250};

/// What a file holds behind that many bytes; nothing when there is no such file.
std::optional<std::string> read_behind(const fs::path& path, std::size_t offset) {
  std::ifstream file{path, std::ios::binary};
  if (!file.seekg(static_cast<std::streamoff>(offset)))
    return std::nullopt;
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

struct logs_options {
  std::int64_t ticket = 0;
  std::int64_t attempt = 0; ///< 0: the last one.
  bool follow = false;
};

/// Prints the outputs of a ticket's attempts: from files where this home has them, for they hold all of it, else from the
/// database, which has the beginning and the end.
class log_printer {
public:
  log_printer(fs::path attempts, logs_options options) : attempts_(std::move(attempts)), options_(options) {}

  /// Prints what is new. @returns whether more may come.
  caf::expected<bool> print(store::connection& db) {
    auto ticket = store::show_ticket(db, ticket_id{options_.ticket});
    if (!ticket)
      return std::move(ticket.error());
    auto ended = store::list_attempts(db, ticket_id{options_.ticket});
    if (!ended)
      return std::move(ended.error());
    if (auto failed = choose(*ticket, *ended))
      return std::move(*failed);
    for (auto& x : *ended)
      if (is_wanted(x.fence, x.attempt))
        print_ended(x);
    if (ticket->fence && is_wanted(*ticket->fence, ticket->attempt()))
      print_running(*ticket->fence);
    std::cout.flush();
    return ticket->finished_at.empty();
  }

private:
  /// Where to begin: with the last attempt, unless one was named.
  std::optional<caf::error> choose(const store::ticket_details& ticket, const std::vector<store::attempt_row>& ended) {
    if (options_.attempt > 0) {
      auto is_it = [&](auto& x) { return x.attempt == options_.attempt; };
      auto runs = ticket.fence && ticket.attempt() == options_.attempt;
      if (!options_.follow && !runs && std::none_of(ended.begin(), ended.end(), is_it))
        return make_error(errc::not_found, "ticket " + std::to_string(options_.ticket) + " has no output of an attempt "
                                             + std::to_string(options_.attempt));
    } else if (first_fence_ == 0) {
      first_fence_ = ticket.fence ? *ticket.fence : ended.empty() ? 0 : ended.back().fence;
    }
    return std::nullopt;
  }

  bool is_wanted(std::int64_t fence, std::int64_t attempt) const {
    return options_.attempt > 0 ? attempt == options_.attempt : fence >= first_fence_;
  }

  std::string name_of(std::int64_t fence) const {
    return std::to_string(options_.ticket) + "-" + std::to_string(fence);
  }

  void print_ended(const store::attempt_row& x) {
    if (x.fence <= printed_fence_)
      return;
    auto begun = x.fence == running_fence_;
    auto kept = read_behind(attempts_ / "outputs" / name_of(x.fence), begun ? offset_ : 0);
    // Who watched it has the beginning; of a long one whose file is gone only the end can be added.
    if (kept)
      print_rest(*kept);
    else if (!begun)
      print_rest(x.output);
    else if (static_cast<std::uint64_t>(x.output_bytes) == x.output.size())
      print_rest(x.output.substr(std::min(offset_, x.output.size())));
    if (!kept && !begun && static_cast<std::uint64_t>(x.output_bytes) > x.output.size())
      std::cerr << "swarm: the attempt wrote " << x.output_bytes << " bytes; these are its first and its last\n";
    printed_fence_ = x.fence;
    offset_ = 0;
  }

  void print_rest(const std::string& text) {
    auto rest = printable(text);
    std::cout << rest;
    if (!rest.empty() && !rest.ends_with('\n'))
      std::cout << '\n';
  }

  /// Whole lines of what is there already.
  void print_running(std::int64_t fence) {
    if (fence != running_fence_)
      offset_ = 0;
    running_fence_ = fence;
    auto text = read_behind(attempts_ / (name_of(fence) + ".output"), offset_);
    auto end = text ? text->rfind('\n') : std::string::npos;
    if (end == std::string::npos)
      return;
    std::cout << printable(text->substr(0, end + 1));
    offset_ += end + 1;
  }

  fs::path attempts_;
  logs_options options_;
  std::int64_t first_fence_ = 0;
  std::int64_t printed_fence_ = 0; ///< Fences only grow, and attempts come in their order.
  std::int64_t running_fence_ = 0;
  std::size_t offset_ = 0; ///< In the output of the running one.
};

int logs(const invocation& x, const logs_options& options) {
  auto home = open_home(x);
  if (!home)
    return complain(home.error());
  return with_database(x, "swarm logs", [&](store::connection& db) -> caf::expected<void> {
    log_printer printer{home->attempts(), options};
    for (;;) {
      auto more = printer.print(db);
      if (!more)
        return std::move(more.error());
      if (!*more || !options.follow)
        return caf::unit;
      std::this_thread::sleep_for(look_every);
    }
  });
}

} // namespace

void add_logs(CLI::App& program, invocation&, action& chosen) {
  auto options = std::make_shared<logs_options>();
  auto* command = program.add_subcommand("logs", "Print what a ticket's last attempt has written");
  command->add_option("ID", options->ticket, "Number of the ticket")->required()->check(check_number);
  command->add_option("--attempt", options->attempt, "The attempt of this number instead")->check(CLI::Range(1, 100));
  command->add_flag("--follow,-f", options->follow, "Go on until the ticket has ended");
  command->callback([=, &chosen] { chosen = [=](const invocation& x) { return logs(x, *options); }; });
}

} // namespace swarm::cli
