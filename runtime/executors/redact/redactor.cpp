#include "runtime/executors/redact/redactor.hpp"

#include "runtime/executors/redact/variants.hpp"

#include <algorithm>
#include <mutex>

namespace swarm::redact {

namespace {

constexpr std::string_view nameless_label = "[redacted]";

/// Bounds what is held of a text that comes in one piece.
constexpr std::size_t read_bytes_max = 64u << 10;

std::string_view value_of(const named_secret& x) {
  std::string_view value = x.value;
  while (value.ends_with('\n') || value.ends_with('\r'))
    value.remove_suffix(1);
  return value;
}

/// Why this secret can't be redacted; empty when it can.
std::string complaint(const named_secret& x) {
  const auto value = value_of(x);
  if (x.name.empty())
    return "a secret has no name: give it the one that is to stand in its place";
  const auto subject = "the secret '" + x.name + "' has " + std::to_string(value.size()) + " bytes: ";
  if (value.size() < secret_bytes_min)
    return subject + "with fewer than " + std::to_string(secret_bytes_min)
           + " it would be found in ordinary text too. Use a longer one or remove it from the secrets";
  if (value.size() > secret_bytes_max)
    return subject + "no more than " + std::to_string(secret_bytes_max)
           + " can be looked for. Remove it from the secrets or name only its secret part";
  if (nameless_label.find(value) != std::string_view::npos)
    return "the secret '" + x.name + "' is a part of the word that replaces secrets: use another one";
  return {};
}

/// With the name, unless that would tell a secret.
std::string label_of(const named_secret& x, const std::vector<named_secret>& all) {
  auto label = "[redacted:" + x.name + "]";
  const auto tells = std::any_of(all.begin(), all.end(),
                                 [&](auto& other) { return label.find(value_of(other)) != std::string::npos; });
  return tells ? std::string{nameless_label} : label;
}

caf::expected<std::shared_ptr<const redaction_rules>> rules_for(const std::vector<named_secret>& secrets) {
  for (const auto& x : secrets)
    if (auto text = complaint(x); !text.empty())
      return make_error(errc::invalid_input, std::move(text));
  auto rules = std::make_shared<redaction_rules>();
  rules->labels.emplace_back(nameless_label);
  for (const auto& x : secrets) {
    const auto label = static_cast<std::uint32_t>(rules->labels.size());
    rules->labels.push_back(label_of(x, secrets));
    for_each_variant(value_of(x), [&](std::string_view variant) { rules->finder.add_literal(variant, label); });
  }
  pattern_scanner::add_cues(rules->finder);
  rules->finder.link();
  return std::shared_ptr<const redaction_rules>{std::move(rules)};
}

} // namespace

class known_secrets {
public:
  ~known_secrets() {
    for (auto& x : all_)
      wipe(x.value);
  }

  std::shared_ptr<const redaction_rules> rules() const {
    const std::lock_guard guard{rules_mutex_};
    return rules_;
  }

  /// All or none of them.
  caf::expected<void> add(std::vector<named_secret> more) {
    const std::lock_guard guard{mutex_};
    const auto known = all_.size();
    for (auto& x : more)
      all_.push_back(std::move(x));
    auto made = rules_for(all_);
    if (!made) {
      for (auto i = known; i < all_.size(); ++i)
        wipe(all_[i].value);
      all_.resize(known);
      return std::move(made.error());
    }
    const std::lock_guard guard_of_rules{rules_mutex_};
    rules_ = std::move(*made);
    return caf::unit;
  }

  bool holds(const named_secret& x) const {
    const std::lock_guard guard{mutex_};
    return std::any_of(all_.begin(), all_.end(), [&](auto& other) { return value_of(other) == value_of(x); });
  }

private:
  mutable std::mutex mutex_;
  std::vector<named_secret> all_; ///< Guarded.
  mutable std::mutex rules_mutex_; ///< Streams don't wait until rules are made.
  std::shared_ptr<const redaction_rules> rules_;
};

redaction_stream::redaction_stream(std::shared_ptr<const known_secrets> x)
  : secrets_(std::move(x)), rules_(secrets_->rules()) {}

void redaction_stream::feed(std::string_view bytes, std::string& output) {
  // Nothing is open that only the old rules know. Labels keep their numbers.
  if (state_ == automaton::start)
    rules_ = secrets_->rules();
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, read_bytes_max);
    bytes.remove_prefix(piece.size());
    read(piece);
    release(std::min(position_ - rules_->finder.at(state_).open_bytes, patterns_.open_from(position_)), output);
  }
}

void redaction_stream::finish(std::string& output) {
  release(position_, output);
  *this = redaction_stream{std::move(secrets_)};
}

void redaction_stream::read(std::string_view bytes) {
  const auto& finder = rules_->finder;
  held_.append(bytes);
  for (const auto x : bytes) {
    const auto byte = static_cast<unsigned char>(x);
    ++position_;
    state_ = finder.next(state_, byte);
    const auto& found = finder.at(state_);
    if (found.match_bytes > 0)
      covered_.add(position_ - found.match_bytes, position_, found.label);
    patterns_.step(byte, found.cue, position_, covered_);
  }
}

/// @param end nothing before it can become part of a match any more, or of another one.
void redaction_stream::release(std::uint64_t end, std::string& output) {
  auto closed = covered_.ranges.begin();
  for (; closed != covered_.ranges.end() && closed->end <= end; ++closed) {
    copy(closed->begin, output);
    output += rules_->labels[closed->label];
    held_begin_ = std::max(held_begin_, closed->end);
  }
  if (closed != covered_.ranges.end() && closed->begin < end) {
    // Its label is written when it is closed; its bytes never are.
    copy(closed->begin, output);
    held_begin_ = std::max(held_begin_, end);
  }
  copy(end, output);
  covered_.ranges.erase(covered_.ranges.begin(), closed);
  held_.erase(0, held_.size() - static_cast<std::size_t>(position_ - held_begin_));
}

void redaction_stream::copy(std::uint64_t end, std::string& output) {
  if (end <= held_begin_)
    return;
  const auto first_held = position_ - held_.size();
  output.append(held_, static_cast<std::size_t>(held_begin_ - first_held), static_cast<std::size_t>(end - held_begin_));
  held_begin_ = end;
}

caf::expected<redactor> redactor::build(std::vector<named_secret> secrets) {
  auto known = std::make_shared<known_secrets>();
  if (auto added = known->add(std::move(secrets)); !added)
    return std::move(added.error());
  return redactor{std::move(known)};
}

caf::expected<void> redactor::learn(named_secret x) const {
  if (!secrets_->holds(x))
    return secrets_->add({std::move(x)});
  wipe(x.value);
  return caf::unit;
}

std::string redactor::redact(std::string_view text) const {
  std::string result;
  result.reserve(text.size());
  auto all = stream();
  all.feed(text, result);
  all.finish(result);
  return result;
}

std::size_t redactor::hold_back_bytes_max() const {
  return std::max(secrets_->rules()->finder.literal_bytes_max(), pattern_bytes_max);
}

} // namespace swarm::redact
