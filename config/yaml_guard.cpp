#include "config/yaml_guard.hpp"

#include "config/utf8.hpp"
#include "config/values.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>

#include <algorithm>
#include <array>
#include <istream>
#include <streambuf>
#include <unordered_map>
#include <vector>

namespace swarm::config {

namespace {

[[noreturn]] void refuse(const YAML::Mark& at, const std::string& sentence) {
  throw YAML::ParserException(at, sentence);
}

// Hands the text to the parser in pieces, and no more than `lookahead_max` bytes between two events.
class paced_input : public std::streambuf {
public:
  paced_input(std::string_view text, std::size_t lookahead_max) : text_(text), lookahead_max_(lookahead_max) {}

  void reached(const YAML::Mark& at) {
    last_event_ = at;
    progress_ = offset_;
  }

protected:
  int_type underflow() override {
    if (offset_ == text_.size())
      return traits_type::eof();
    if (offset_ - progress_ > lookahead_max_)
      refuse(last_event_, "after this, more than " + grouped(lookahead_max_)
                            + " bytes follow within one value or one pair of brackets; "
                              "write the outer levels in block style, one key per line");
    const auto size = std::min(piece_.size(), text_.size() - offset_);
    text_.copy(piece_.data(), size, offset_);
    offset_ += size;
    setg(piece_.data(), piece_.data(), piece_.data() + size);
    return traits_type::to_int_type(piece_.front());
  }

private:
  std::string_view text_;
  std::size_t lookahead_max_;
  std::size_t offset_ = 0;
  std::size_t progress_ = 0;
  YAML::Mark last_event_;
  std::array<char, 4096> piece_{};
};

// What a node costs with all aliases below it replaced by what they stand for.
struct extent {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  std::size_t height = 0;
  bool is_complete = false;
};

// A list or map whose end wasn't seen yet.
struct open_collection {
  YAML::Mark begin;
  YAML::EmitterStyle::value style;
  YAML::anchor_t anchor;
  std::size_t nodes_before;
  std::size_t bytes_before;
  std::size_t height;
  bool is_map;
  bool expects_key;
  std::unordered_map<std::string, int> key_lines;
};

class guard : public YAML::EventHandler {
public:
  guard(const std::string& source, const yaml_limits& limits, paced_input& input, problems& found)
    : source_(source), limits_(limits), input_(input), found_(found) {}

  void OnDocumentStart(const YAML::Mark&) override {}

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& at, YAML::anchor_t anchor) override {
    if (enter(at, "?"))
      refuse(at, "a key is empty or null here; write a name, in quotes if it is the word 'null'");
    add(at, 1, 0, 1);
    remember(anchor, {1, 0, 1, true});
  }

  void OnAlias(const YAML::Mark& at, YAML::anchor_t anchor) override {
    if (enter(at, "?"))
      refuse(at, "an alias can't be a key; write the name itself");
    const auto target = anchor < anchors_.size() ? anchors_[anchor] : extent{};
    if (!target.is_complete)
      refuse(at, "this alias stands within its own anchor, so it would never end");
    add(at, target.nodes, target.bytes, target.height);
  }

  void OnScalar(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const auto is_key = enter(at, tag);
    add(at, 1, value.size(), 1);
    remember(anchor, {1, value.size(), 1, true});
    if (value.find('\0') != std::string::npos)
      report(at, "this text holds a NUL character, which no program can be given; remove it");
    // yaml-cpp turns these two escapes into bytes of Latin-1.
    if (utf8_prefix(value) != value.size())
      report(at, "this text isn't UTF-8; write \\u0085 for \\N and \\u00a0 for \\_");
    if (is_key)
      check_key(at, value);
  }

  void OnSequenceStart(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(at, style, tag, anchor, false);
  }

  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(at, style, tag, anchor, true);
  }

  void OnMapEnd() override { close(); }

  /// @returns what else there is to say of a text that breaks off now: the parser names the place where it gave up, and
  /// the bracket that was forgotten may stand far above.
  std::string open_bracket() const {
    if (open_.empty() || open_.back().style != YAML::EmitterStyle::Flow)
      return {};
    const auto& last = open_.back();
    return std::string{"; the '"} + (last.is_map ? '{' : '[') + "' of line " + std::to_string(last.begin.line + 1)
           + ", column " + std::to_string(last.begin.column + 1) + " is still open";
  }

private:
  void report(const YAML::Mark& at, std::string text) {
    found_.push_back({source_, at.line + 1, at.column + 1, std::move(text)});
  }

  // @returns whether the node that begins here is a key.
  bool enter(const YAML::Mark& at, const std::string& tag) {
    input_.reached(at);
    if (!tag.empty() && tag != "?" && tag != "!")
      report(at, "tags (here " + in_quotes(tag) + ") are not supported; remove it");
    if (open_.empty() || !open_.back().is_map)
      return false;
    auto& map = open_.back();
    map.expects_key = !map.expects_key;
    return !map.expects_key;
  }

  void add(const YAML::Mark& at, std::size_t nodes, std::size_t bytes, std::size_t height) {
    nodes_ += nodes;
    bytes_ += bytes;
    if (nodes_ > limits_.nodes_max)
      refuse(at, "here the file exceeds " + grouped(limits_.nodes_max) + " values, counted with every alias replaced");
    if (bytes_ > limits_.text_bytes_max)
      refuse(at, "here the file exceeds " + grouped(limits_.text_bytes_max)
                   + " bytes of text, counted with every alias replaced");
    if (open_.size() + height > limits_.depth_max)
      refuse(at, "lists and maps are nested more than " + grouped(limits_.depth_max) + " levels deep here");
    if (!open_.empty())
      open_.back().height = std::max(open_.back().height, height + 1);
  }

  void remember(YAML::anchor_t anchor, extent x) {
    if (anchor == 0)
      return;
    if (anchor >= anchors_.size())
      anchors_.resize(anchor + 1);
    anchors_[anchor] = x;
  }

  void check_key(const YAML::Mark& at, const std::string& key) {
    if (key == "<<") {
      report(at, "merge keys ('<<') are not supported; repeat what they would bring in");
      return;
    }
    const auto [first, is_new] = open_.back().key_lines.emplace(key, at.line + 1);
    if (!is_new)
      report(at, "duplicate key " + in_quotes(key) + ", it is already on line " + std::to_string(first->second));
  }

  void open(const YAML::Mark& at, YAML::EmitterStyle::value style, const std::string& tag, YAML::anchor_t anchor,
            bool is_map) {
    if (enter(at, tag))
      refuse(at, "a list or map can't be a key; keys are text");
    open_collection x{at, style, anchor, nodes_, bytes_, 1, is_map, true, {}};
    add(at, 1, 0, 1);
    remember(anchor, {});
    open_.push_back(std::move(x));
  }

  void close() {
    const auto x = std::move(open_.back());
    open_.pop_back();
    remember(x.anchor, {nodes_ - x.nodes_before, bytes_ - x.bytes_before, x.height, true});
    if (!open_.empty())
      open_.back().height = std::max(open_.back().height, x.height + 1);
  }

  const std::string& source_;
  const yaml_limits& limits_;
  paced_input& input_;
  problems& found_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  std::vector<open_collection> open_;
  std::vector<extent> anchors_;
};

// Refuses whatever follows the first document.
class nothing_more : public YAML::EventHandler {
public:
  explicit nothing_more(std::string_view text) : text_(text) {}

  void OnDocumentStart(const YAML::Mark& at) override {
    const auto offset = static_cast<std::size_t>(std::max(at.pos, 0));
    if (offset < text_.size() && text_.substr(offset).starts_with("---"))
      refuse(at, "a second document begins here; a file holds one");
    refuse(at, "the document has ended before this text; check brackets and indentation");
  }

  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

private:
  std::string_view text_;
};

// yaml-cpp names what its parser looked for; people need to know what to do.
std::string sentence_of(const std::string& message) {
  using namespace YAML;
  static const std::array<std::pair<std::string_view, std::string_view>, 13> known{{
    {ErrorMsg::END_OF_MAP, "a 'key: value' is expected here; check the indentation and the colon"},
    {ErrorMsg::END_OF_SEQ, "a '- ' is expected here; check the indentation"},
    {ErrorMsg::END_OF_MAP_FLOW, "a ',' or '}' is missing before this"},
    {ErrorMsg::END_OF_SEQ_FLOW, "a ',' or ']' is missing before this"},
    {ErrorMsg::FLOW_END, "this bracket closes none, or not the one that was opened last"},
    {ErrorMsg::EOF_IN_SCALAR, "the file ends within a quoted text; close the quote"},
    {ErrorMsg::DOC_IN_SCALAR, "the document ends within a quoted text; close the quote"},
    {ErrorMsg::MAP_VALUE, "a ':' is not possible here; quote a text that holds ': '"},
    {ErrorMsg::MAP_KEY, "a '? ' is not possible here; quote the text"},
    {ErrorMsg::BLOCK_ENTRY, "a '- ' is not possible here; begin a list on a line of its own"},
    {ErrorMsg::UNKNOWN_TOKEN, "no value can begin with this character; quote the text"},
    {ErrorMsg::UNKNOWN_ANCHOR, "this alias names no anchor above it"},
    {ErrorMsg::BAD_FILE, "lists and maps are nested too deep here"},
  }};
  const auto entry = std::find_if(known.begin(), known.end(), [&](const auto& x) { return x.first == message; });
  return entry == known.end() ? message : std::string{entry->second};
}

bool is_of_brackets(const std::string& message) {
  using namespace YAML;
  return message == ErrorMsg::END_OF_MAP_FLOW || message == ErrorMsg::END_OF_SEQ_FLOW;
}

} // namespace

yaml_content guard_yaml(std::string_view text, const std::string& source, const yaml_limits& limits, problems& found) {
  // yaml-cpp closes an open quote by itself when a line end follows it, and so would swallow the rest of a file.
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  paced_input input{text, limits.lookahead_bytes_max};
  std::istream stream{&input};
  YAML::Parser parser{stream};
  guard handler{source, limits, input, found};
  try {
    if (!parser.HandleNextDocument(handler))
      return yaml_content::nothing;
    nothing_more end{text};
    parser.HandleNextDocument(end);
    return yaml_content::document;
  } catch (const YAML::ParserException& x) {
    refuse(x.mark, sentence_of(x.msg) + (is_of_brackets(x.msg) ? handler.open_bracket() : ""));
  }
}

} // namespace swarm::config
