#include "actors/logging.hpp"

#include "messages/error.hpp"

#include <mutex>

namespace swarm {

std::shared_ptr<spdlog::logger> logger_for(const std::string& component) {
  if (auto known = spdlog::get(component))
    return known;
  static std::mutex once;
  std::lock_guard guard{once};
  if (auto known = spdlog::get(component))
    return known;
  auto fresh = spdlog::default_logger()->clone(component);
  spdlog::register_logger(fresh);
  return fresh;
}

std::string fact(std::string_view value) {
  if (!value.empty() && value.find_first_of(" \"=\n\t") == std::string_view::npos)
    return std::string{value};
  std::string result = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\')
      result.push_back('\\');
    result.push_back(c == '\n' || c == '\t' ? ' ' : c);
  }
  return result + "\"";
}

std::string duration_text(caf::timespan x) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(x).count();
  if (ms != 0 && ms % 60'000 == 0)
    return std::to_string(ms / 60'000) + "min";
  return ms != 0 && ms % 1'000 == 0 ? std::to_string(ms / 1'000) + "s" : std::to_string(ms) + "ms";
}

caf::error describe_exception(std::string_view actor, const std::string& handling, const std::exception_ptr& x) {
  std::string text = "something that is no std::exception";
  try {
    std::rethrow_exception(x);
  } catch (const std::exception& e) {
    text = e.what();
  } catch (...) {
  }
  auto when = handling.empty() ? " while starting: " : " while handling '" + handling + "': ";
  return make_error(errc::actor_failed, std::string{actor} + " ended with an exception" + when + text, handling);
}

void outage_log::begins(std::string_view what, const caf::error& cause) {
  if (std::exchange(out_, true))
    return;
  logger_for(component_)->warn("{}: cause={}", what, fact(render(cause)));
}

void outage_log::is_over(std::string_view what) {
  if (std::exchange(out_, false))
    logger_for(component_)->info("{}", what);
}

} // namespace swarm
