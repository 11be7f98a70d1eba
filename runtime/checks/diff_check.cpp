#include "runtime/checks/diff_check.hpp"

#include "runtime/checks/evidence.hpp"
#include "runtime/checks/glob.hpp"

#include <algorithm>
#include <optional>

namespace swarm::checks {

namespace {

/// A tree of all that is there, made without a word of the repository's own: filters, hooks, replaced objects, another work
/// tree or files that are marked as unchanged would show it as the work likes. So the repository is one of our own, beside the
/// objects of theirs. What git says goes to a file, and is shown only when something fails.
constexpr std::string_view prelude = R"(set -eu
d=$(mktemp -d)
trap 'code=$?; [ "$code" = 0 ] || cat "$d/said"; rm -rf "$d"' EXIT
trap 'exit 1' INT TERM
exec 2>"$d/said"
export GIT_NO_REPLACE_OBJECTS=1
theirs() { command git -c core.fsmonitor=false "$@"; }
format=$(theirs rev-parse --show-object-format)
common=$(theirs rev-parse --git-common-dir)
objects=$(cd "$common" && pwd)/objects
head=$(theirs rev-parse --verify --quiet "HEAD^{tree}") || head=
top=$PWD
until [ -e "$top/.git" ]; do
  [ "$top" != / ] || { echo "no folder above has a .git" >&2; exit 3; }
  top=$(dirname "$top")
done
cd "$top"
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 command git init -q --bare --template= --object-format="$format" "$d/own"
index=$d/index
own() {
  GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_DIR="$d/own" \
    GIT_OBJECT_DIRECTORY="$objects" GIT_WORK_TREE="$top" GIT_INDEX_FILE="$index" \
    command git -c core.bare=false -c core.attributesFile=/dev/null -c core.excludesFile=/dev/null "$@"
}
tracked() {
  [ -z "$head" ] || own read-tree "$head"
  own add -u
}
with_new() {
  if tr '\0' '\n' <"$d/new" | grep -q '/$'; then
    echo "a folder in it is a git repository of its own, so git doesn't say what is in there" >&2
    exit 3
  fi
  own update-index --add -z --stdin <"$d/new"
  own write-tree
}
)";

/// The tree that an attempt begins with. Files with rules are in it even where they hide themselves, so that they count
/// later.
constexpr std::string_view begin_program = R"(tracked
own ls-files --others --exclude-per-directory=.gitignore -z >"$d/new"
own ls-files --others -z -- ':(glob)**/.gitignore' ':(glob)**/.gitattributes' >>"$d/new"
with_new
)";

/// What differs from the tree "$1". Its own ignore files decide what is left out, never those that the work may have
/// written; and where an attribute file differs, also one that is only committed, nothing is converted.
constexpr std::string_view compare_program = R"(export LC_ALL=C
base=$1
of_base() { (cd "$d/rules" && top=$d/rules && index=$d/base && own "$@"); }
mkdir -p "$d/rules" "$d/own/info"
echo '* -text -ident -filter !working-tree-encoding' >"$d/own/info/attributes"
of_base read-tree "$base"
of_base ls-files -z -- ':(glob)**/.gitignore' >"$d/list"
of_base checkout-index -z --stdin <"$d/list"
own read-tree "$base"
own ls-files --cached --others -z -- ':(glob)**/.gitattributes' >"$d/list"
own update-index --add --remove --replace -z --stdin <"$d/list"
if own diff-index --cached --quiet "$base" -- ':(glob)**/.gitattributes' &&
  { [ -z "$head" ] || own diff-tree -r --quiet "$base" "$head" -- ':(glob)**/.gitattributes'; }; then
  rm "$d/own/info/attributes"
fi
tracked
own ls-files --others -z >"$d/all"
of_base check-ignore --no-index -z --stdin <"$d/all" >"$d/ignored" || [ $? = 1 ]
of_base ls-files -z >"$d/list"
sort -z "$d/ignored" "$d/list" "$d/list" >"$d/sorted"
uniq -z -u "$d/sorted" "$d/hidden"
sort -z "$d/all" "$d/hidden" >"$d/sorted"
uniq -z -u "$d/sorted" "$d/new"
now=$(with_new)
own diff-tree -r -z --name-status --no-renames --no-ext-diff "$base" "$now"
)";

/// How git ended, and the last line that it said.
std::string ending_of(const command_result& x) {
  if (x.ending != command_ending::exited)
    return x.ending == command_ending::not_started ? x.error_text : "git was ended: " + to_string(x.ending);
  auto said = std::string_view{x.output};
  while (said.ends_with('\n'))
    said.remove_suffix(1);
  return "git exited with " + std::to_string(x.exit_code) + ": " + in_quotes(said.substr(said.rfind('\n') + 1));
}

/// Takes a field and the NUL behind it away from the beginning of `text`; nothing for an empty or torn one.
std::optional<std::string_view> take_field(std::string_view& text) {
  const auto size = text.find('\0');
  if (size == text.npos || size == 0)
    return std::nullopt;
  const auto result = text.substr(0, size);
  text.remove_prefix(size + 1);
  return result;
}

/// Without renames and copies, which would have two paths.
bool is_status(std::string_view text) {
  return text.size() == 1 && std::string_view{"ACDMTUX"}.find(text.front()) != text.npos;
}

caf::error torn() {
  return make_error(errc::invalid_input, "what git says about changes can't be read");
}

caf::expected<std::vector<glob>> read_globs(const std::vector<std::string>& texts) {
  std::vector<glob> result;
  for (auto& text : texts) {
    auto one = glob::parse(text);
    if (!one)
      return one.error();
    result.push_back(*std::move(one));
  }
  return result;
}

bool match_any(const std::vector<glob>& globs, std::string_view path) {
  return std::any_of(globs.begin(), globs.end(), [&](const glob& x) { return x.matches(path); });
}

/// "2 changed paths are protected: 'a' and 'b'", and all of them in the detail, a line each.
finding offence(std::vector<std::string> paths, const std::string& what, const redaction& redact) {
  std::string detail;
  for (auto& path : paths) {
    path = redact(path);
    detail += in_quotes(path) + "\n";
  }
  return {verdict::fail,
          counted(paths.size(), "changed path") + (paths.size() == 1 ? " is " : " are ") + what + ": "
            + listed(paths, paths.size()),
          head_and_tail(detail)};
}

} // namespace

std::vector<std::string> base_program(const diff_rules& rules) {
  const auto named = std::string_view{"theirs rev-parse --verify \"$1^{tree}\"\n"};
  return {"/bin/sh", "-c", std::string{prelude}.append(rules.base.empty() ? begin_program : named), "sh", rules.base};
}

std::vector<std::string> diff_program(const std::string& base) {
  return {"/bin/sh", "-c", std::string{prelude}.append(compare_program), "sh", base};
}

caf::expected<std::string> read_base(const command_result& x) {
  auto text = x.output;
  if (text.ends_with('\n'))
    text.pop_back();
  const auto is_hash = (text.size() == 40 || text.size() == 64) && text.find_first_not_of("0123456789abcdef") == text.npos;
  if (x.ending == command_ending::exited && x.exit_code == 0 && is_hash)
    return text;
  return make_error(errc::invalid_input, "what its work begins with can't be told: " + ending_of(x));
}

caf::expected<std::vector<std::string>> changed_paths(std::string_view name_status) {
  std::vector<std::string> result;
  while (!name_status.empty()) {
    const auto status = take_field(name_status);
    const auto path = status && is_status(*status) ? take_field(name_status) : std::nullopt;
    if (!path)
      return torn();
    result.emplace_back(*path);
  }
  return result;
}

caf::expected<void> check_patterns(const diff_rules& rules) {
  for (auto* texts : {&rules.allowed, &rules.is_protected})
    if (auto globs = read_globs(*texts); !globs)
      return std::move(globs.error());
  return caf::unit;
}

finding judge_diff(const std::vector<std::string>& changed, const diff_rules& rules, const redaction& redact) {
  if (!rules.must_change && rules.allowed.empty() && rules.is_protected.empty())
    return {verdict::error, "the check of the diff demands nothing; give it must_change, allowed or protected", {}};
  const auto allowed = read_globs(rules.allowed);
  const auto is_protected = read_globs(rules.is_protected);
  if (!allowed || !is_protected)
    return {verdict::error, render(allowed ? is_protected.error() : allowed.error()), {}};
  if (changed.empty())
    return rules.must_change ? finding{verdict::fail, "no_work: nothing was changed", {}}
                             : finding{verdict::pass, "nothing was changed, and nothing had to be", {}};
  std::vector<std::string> offending;
  const auto collect = [&](auto&& is_bad) {
    std::copy_if(changed.begin(), changed.end(), std::back_inserter(offending), is_bad);
  };
  collect([&](const std::string& path) { return match_any(*is_protected, path); });
  if (!offending.empty())
    return offence(offending, "protected", redact);
  if (!allowed->empty())
    collect([&](const std::string& path) { return !match_any(*allowed, path); });
  if (!offending.empty())
    return offence(offending, "not allowed", redact);
  return {verdict::pass, counted(changed.size(), "changed path") + ", all allowed", {}};
}

finding judge_diff_program(const command_result& x, const diff_rules& rules, const redaction& redact) {
  if (x.ending != command_ending::exited || x.exit_code != 0)
    return {verdict::error, "the changes can't be told: " + ending_of(x), head_and_tail(x.output)};
  if (x.judged_output().size() != x.output_bytes)
    return {verdict::error, "there are too many changes to be read", {}};
  const auto changed = changed_paths(x.judged_output());
  return changed ? judge_diff(*changed, rules, redact) : finding{verdict::error, render(changed.error()), {}};
}

} // namespace swarm::checks
