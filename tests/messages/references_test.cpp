#define CAF_SUITE references

#include "messages/error.hpp"
#include "messages/references.hpp"
#include "tests/fixtures/seed.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <random>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using nlohmann::json;

namespace {

using results = std::map<std::string, std::string>;

constexpr std::size_t enough_bytes = 1 << 20;

const results known = {
  {"a", R"({"n": 12, "f": 0.5, "t": true, "nil": null, "s": "text", "o": {"y": [1, "2"], "x": {}}, "": "empty"})"},
  {"list", R"(["zero", ["one"], {"2": "two"}])"},
  {"text", R"("a \"quoted\"\nline")"},
  {"tricky", R"("${ticket.a.result} $${ ${")"},
  {"odd",
   R"({"a/b": "slash", "m~n": "tilde", "0": "zero", "with space": "space", "\u00e4": "umlaut", "result": "word"})"},
  {"build.linux-x_1", R"("dotted")"},
  {"result", R"("named result")"},
  {"broken", R"({"a":)"},
};

result_lookup among(const results& x) {
  return [x](const std::string& key) {
    const auto found = x.find(key);
    return found == x.end() ? std::nullopt : std::optional{found->second};
  };
}

/// The resolved payload, or "code: sentence".
std::string resolved(const std::string& payload, const resolve_rules& rules = {enough_bytes},
                     std::string_view kind = "command") {
  const auto result = resolve_references(payload, kind, among(known), rules);
  return result ? *result : to_string(code_of(result.error())) + ": " + render(result.error());
}

/// The same for a payload that is one string.
std::string text_after(const std::string& text) {
  const auto value = json::parse(resolved(json(text).dump()), nullptr, false);
  return value.is_string() ? value.get<std::string>() : resolved(json(text).dump());
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Texts that are likely to be nearly references.
std::string random_text(std::mt19937_64& random) {
  static const std::string parts[] = {
    "$", "{", "}", "${", "$${ticket.", "${ticket.", "ticket", ".", ".result", "a", "list", "0", "1", "result", "x", " ", "/",
    "~", "\"", "\\", "\n", "\xc3\xa4", "$${", "${ticket.a.result", "${ticket.a.result}",
    "${ticket.list.result.1}",
  };
  std::string result;
  for (auto count = random() % 8; count > 0; --count)
    result += parts[random() % std::size(parts)];
  return result;
}

std::string with_escapes(std::string text) {
  for (auto at = text.find("${ticket."); at != std::string::npos; at = text.find("${ticket.", at + 3))
    text.insert(at, 1, '$');
  return text;
}

} // namespace

CAF_TEST(references in a text are replaced by values) {
  const std::pair<std::string, std::string> rows[] = {
    {"", ""},
    {"no reference", "no reference"},
    {"${ticket.a.result.s}", "text"},
    {"<${ticket.a.result.s}>", "<text>"},
    {"${ticket.a.result.s}${ticket.a.result.n}", "text12"},
    {"${ticket.a.result.n}", "12"},
    {"${ticket.a.result.f}", "0.5"},
    {"${ticket.a.result.t} ${ticket.a.result.nil}", "true null"},
    {"${ticket.a.result.o}", R"({"x":{},"y":[1,"2"]})"},
    {"${ticket.a.result.o.y.1}", "2"},
    {"${ticket.list.result.0} ${ticket.list.result.1} ${ticket.list.result.1.0}", R"(zero ["one"] one)"},
    {"${ticket.list.result.2.2}", "two"},
    {"${ticket.text.result}", "a \"quoted\"\nline"},
    {"${ticket.odd.result.a/b}${ticket.odd.result.m~n}${ticket.odd.result.0}", "slashtildezero"},
    {"${ticket.odd.result.with space}${ticket.odd.result.\xc3\xa4}", "spaceumlaut"},
    {"${ticket.odd.result.result}", "word"},
    {"${ticket.build.linux-x_1.result}", "dotted"},
    {"${ticket.result.result}", "named result"},
  };
  for (const auto& [given, wanted] : rows)
    CAF_CHECK_EQUAL(text_after(given), wanted);
}

CAF_TEST(everything else with dollars and braces is left alone) {
  for (const std::string text :
       {"$", "${", "$$", "{}", "${HOME}", "${tickets.a.result}", "${ticket}", "${ ticket.a.result}",
        "$ {ticket.a.result}", "$ticket.a.result", "{ticket.a.result}", "${unclosed"})
    CAF_CHECK_EQUAL(text_after(text), text);
}

CAF_TEST(a reference behind two dollars is only its text) {
  const std::pair<std::string, std::string> rows[] = {
    {"$${ticket.a.result.s}", "${ticket.a.result.s}"},
    {"$${ticket.", "${ticket."},
    {"$$${ticket.", "$${ticket."},
    {"$${ticket.${ticket.a.result.s}", "${ticket.text"},
    {"$${ticket.$${ticket.", "${ticket.${ticket."},
    {"$${HOME}", "$${HOME}"},
    {"$$x", "$$x"},
  };
  for (const auto& [given, wanted] : rows) {
    CAF_CHECK_EQUAL(text_after(given), wanted);
    CAF_CHECK_EQUAL(mentions_references(given), given != wanted);
  }
}

CAF_TEST(text that was put in is never looked at again) {
  CAF_CHECK_EQUAL(text_after("${ticket.tricky.result}"), "${ticket.a.result} $${ ${");
  // Neither what is around it makes a reference of it.
  const auto half = resolve_references(R"(["${ticket.x.result}ticket.a.result}"])", "command",
                                       [](const std::string&) { return R"("${")"; }, {enough_bytes});
  CAF_CHECK(half && *half == R"(["${ticket.a.result}"])");
}

CAF_TEST(strings anywhere in a payload are resolved and all else stays) {
  CAF_CHECK_EQUAL(resolved(R"({"n": 1, "list": [true, "${ticket.a.result.s}", {"deep": "x${ticket.a.result.n}"}]})"),
                  R"({"list":[true,"text",{"deep":"x12"}],"n":1})");
  CAF_CHECK_EQUAL(resolved(R"({"${ticket.a.result.s}": 1})"), R"({"${ticket.a.result.s}":1})");
}

CAF_TEST(a string of one reference takes the type where that is allowed and only there) {
  const resolve_rules rules{enough_bytes, [](const std::string& place) { return place.starts_with("/typed"); }};
  const auto typed = [&](const std::string& text) {
    return resolved(json{{"typed", {text}}, {"untyped", text}}.dump(), rules);
  };
  CAF_CHECK_EQUAL(typed("${ticket.a.result.n}"), R"({"typed":[12],"untyped":"12"})");
  CAF_CHECK_EQUAL(typed("${ticket.a.result.nil}"), R"({"typed":[null],"untyped":"null"})");
  CAF_CHECK_EQUAL(typed("${ticket.a.result.s}"), R"({"typed":["text"],"untyped":"text"})");
  CAF_CHECK_EQUAL(typed("${ticket.a.result.o.y}"), R"({"typed":[[1,"2"]],"untyped":"[1,\"2\"]"})");
  CAF_CHECK_EQUAL(typed("${ticket.a.result.n} "), R"({"typed":["12 "],"untyped":"12 "})");
  CAF_CHECK_EQUAL(typed("${ticket.a.result.n}${ticket.a.result.n}"), R"({"typed":["1212"],"untyped":"1212"})");
  CAF_CHECK_EQUAL(typed("plain"), R"({"typed":["plain"],"untyped":"plain"})");
  // What takes the place isn't looked at either.
  CAF_CHECK_EQUAL(typed("${ticket.tricky.result}"),
                  R"({"typed":["${ticket.a.result} $${ ${"],"untyped":"${ticket.a.result} $${ ${"})");
}

CAF_TEST(a script takes no references and its arguments do) {
  const auto payload = [](bool shell, const std::string& script) {
    return json{{"shell", shell}, {"command", {script, "${ticket.a.result.s}"}}}.dump();
  };
  CAF_CHECK_EQUAL(resolved(payload(true, "echo \"$1\"")), R"({"command":["echo \"$1\"","text"],"shell":true})");
  CAF_CHECK_EQUAL(resolved(payload(true, "echo $${ticket.")), R"({"command":["echo ${ticket.","text"],"shell":true})");
  CAF_CHECK_EQUAL(resolved(payload(false, "${ticket.a.result.s}")), R"({"command":["text","text"],"shell":false})");
  const auto refused = payload(true, "echo ${ticket.a.result.s}");
  CAF_CHECK(holds(resolved(refused), "payload at '/command/0': '${ticket.a.result.s}' in a script would be run as code"));
  CAF_CHECK(!find_references(refused, "command"));
}

CAF_TEST(a script behind the options of a shell takes no references however the shell is called) {
  const std::string reference = "echo ${ticket.a.result.s}";
  const std::pair<std::vector<std::string>, std::string> rows[] = {
    {{"sh", "-c", reference}, "/2"},
    {{"/usr/bin/bash", "-ec", reference}, "/2"},
    {{"bash", "--norc", "-o", "pipefail", "-c", reference, "x"}, "/5"},
    {{"bash", "--rcfile", "file", "-c", "--", reference}, "/5"},
    {{"dash", "-co", "pipefail", reference}, "/3"},
    {{"zsh", "+x", "-c", reference}, "/3"},
    {{"env", "A=b", "timeout", "5", "sh", "-c", reference}, "/6"},
    {{"sh", "-c", "exec \"$@\"", "x", "bash", "-c", reference}, "/6"},
    {{"sh", "-c", "echo \"$1\"", "x", reference}, ""},
    {{"sh", reference, "-c", "x"}, ""},
    {{"sh", "-e", reference}, ""},
    {{"sh", "script", reference}, ""},
    {{"sh", "script", "-c", reference}, ""},
    {{"grep", "-c", reference}, ""},
    {{"sha", "-c", reference}, ""},
    {{"sh", "-c"}, ""},
    {{"bash", "-o"}, ""},
  };
  for (const auto& [argv, refused_at] : rows)
    for (const std::string place : {"/command", "/check", "/checks/0/command"}) {
      json payload;
      payload[json::json_pointer{place}] = argv;
      const auto said = resolved(payload.dump());
      CAF_MESSAGE(said);
      CAF_CHECK_EQUAL(holds(said, "payload at '" + place + refused_at + "': '${ticket.a.result.s}' in a script would "
                                  "be run as code; pass it as an argument of the script"),
                      !refused_at.empty());
      CAF_CHECK_EQUAL(bool{find_references(payload.dump(), "command")}, refused_at.empty());
    }
}

CAF_TEST(a result that is the name of a shell makes no script of another one) {
  const auto lookup = among({{"tool", R"("/bin/sh")"}, {"code", R"("true")"}});
  const auto payload = R"({"command": ["${ticket.tool.result}", "-c", "${ticket.code.result}"]})";
  const auto result = resolve_references(payload, "command", lookup, {enough_bytes});
  CAF_CHECK(!result && holds(render(result.error()), "payload at '/command/2': '${ticket.code.result}' in a script"));
}

CAF_TEST(no result decides whom an HTTP call asks) {
  const std::pair<std::string, bool> rows[] = {
    {"${ticket.a.result.s}", false},
    {"https://${ticket.a.result.s}/x", false},
    {"${ticket.a.result.s}://host/x", false},
    {"https://host${ticket.a.result.s}/x", false},
    {"https://host:8${ticket.a.result.n}/x", false},
    {"https://user:${ticket.a.result.s}@host/x", false},
    {"https://host/${ticket.a.result.s}", true},
    {"https://host?x=${ticket.a.result.s}", true},
    {"https://host#${ticket.a.result.s}", true},
    {"https://host/a/${ticket.a.result.s}/b", true},
  };
  for (const auto& [url, is_taken] : rows)
    for (const std::string place : {"/url", "/async/poll/url"}) {
      json payload;
      payload[json::json_pointer{place}] = url;
      const auto said = resolved(payload.dump(), {enough_bytes}, "http");
      CAF_MESSAGE(said);
      CAF_CHECK_EQUAL(!holds(said, "payload at '" + place + "': '${ticket.a.result."), is_taken);
      CAF_CHECK_EQUAL(!holds(said, "could choose who gets the request with all of its secrets; write the URL out"),
                      is_taken);
      CAF_CHECK_EQUAL(bool{find_references(payload.dump(), "http")}, is_taken);
      // Elsewhere it is a word like any other.
      CAF_CHECK(find_references(payload.dump(), "function"));
    }
}

CAF_TEST(no result decides which secret is given away) {
  const auto named = json{{"secrets", {"${ticket.a.result.s}"}}}.dump();
  CAF_CHECK(holds(resolved(named), "payload at '/secrets/0': '${ticket.a.result.s}' could choose which of the node's"));
  const auto header = R"({"headers": {"X": {"env": "${ticket.a.result.s}"}, "Y": "${ticket.a.result.s}"}})";
  CAF_CHECK(holds(resolved(header, {enough_bytes}, "http"), "payload at '/headers/X/env': '${ticket.a.result.s}'"));
  CAF_CHECK(!find_references(header, "http"));
}

CAF_TEST(malformed references are refused with their place) {
  for (const std::string body :
       {"", "a", "a.", "a.result", ".result}", "a}", "a.results}", "a.Result}", "result}", "a.result.}", "a.result..b}",
        "a.result.b.}", "a b.result}", "a/b.result}", "\xc3\xa4.result}", "a.result[0]}", "a.result }",
        "a.result.x ${ticket.a.result.s}", "a.result.{x}", "a.result.$}"}) {
    const auto payload = json{{"list", {"x", "before ${ticket." + body}}}.dump();
    const auto said = resolved(payload);
    CAF_CHECK(holds(said, "invalid_input: payload at '/list/1': malformed reference '${ticket."));
    CAF_CHECK(!find_references(payload, "command"));
  }
}

CAF_TEST(references to what is not there are refused with their place) {
  const std::string keys[] = {"unknown.result}",     "a.result.none}",      "a.result.s.0}",   "a.result.n.0}",
                              "a.result.o.y.2}",     "list.result.3}",      "list.result.-}",  "list.result.00}",
                              "list.result.01}",     "list.result.-1}",     "list.result.1x}", "list.result.0x0}",
                              "list.result.length}", "list.result.99999999999999999999}"};
  for (const auto& key : keys) {
    const auto text = "${ticket." + key;
    const auto said = resolved(json{{"a/b", "see " + text}}.dump());
    CAF_CHECK(holds(said, "not_found: payload at '/a~1b': '" + text + "' can't be resolved"));
  }
  CAF_CHECK(holds(resolved(R"("${ticket.broken.result}")"), "invalid_input: payload at '': '${ticket.broken.result}'"));
}

CAF_TEST(references are found with key and pointer and place) {
  const auto found = find_references(
    R"({"args": ["${ticket.b.result}", "$${ticket.c.result} ${ticket.a.b.result.x/y.0}${ticket.b.result.m~n}"],
        "a~/b": {"": "${ticket.d.result}"}, "n": 1, "other": "${HOME}"})", "command");
  CAF_REQUIRE(found);
  const std::vector<reference> wanted = {
    {"b", "", "/args/0"},
    {"a.b", "/x~1y/0", "/args/1"},
    {"b", "/m~0n", "/args/1"},
    {"d", "", "/a~0~1b/"},
  };
  CAF_CHECK(*found == wanted);
}

CAF_TEST(what is no JSON or nested too deeply is refused) {
  for (const std::string text : {"", "{", "[1,]", "\"\xff\"", R"("\ud800")", "1 2"}) {
    CAF_CHECK(holds(resolved(text), "invalid_input: the payload isn't JSON"));
    CAF_CHECK(!find_references(text, "command"));
  }
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CAF_CHECK_EQUAL(resolved(nested(100)), nested(100));
  for (const auto depth : {102u, 100'000u}) {
    CAF_CHECK(holds(resolved(nested(depth)), "levels deep"));
    const auto deep = [&](const std::string&) { return nested(depth); };
    CAF_CHECK(!resolve_references(R"("${ticket.a.result}")", "command", deep, {enough_bytes * 4}));
  }
}

CAF_TEST(a payload that would become too long is refused before it is made) {
  const auto payload = R"(["${ticket.a.result.s}"])"; // becomes ["text"]
  CAF_CHECK_EQUAL(resolved(payload, {8}), R"(["text"])");
  CAF_CHECK(holds(resolved(payload, {7}), "the payload has 8 bytes, 7 are allowed"));
  CAF_CHECK(holds(resolved(payload, {3}), "payload at '/0': with '${ticket.a.result.s}'"));
  // A gigabyte, if it were made.
  const json many(1'000, std::string{"${ticket.big.result}"});
  const auto big = [](const std::string&) { return json(std::string(1 << 20, 'x')).dump(); };
  for (const auto typed : {false, true}) {
    const auto result =
      resolve_references(many.dump(), "command", big,
                         {std::size_t{7} << 19, [=](const std::string&) { return typed; }});
    CAF_CHECK(!result && holds(render(result.error()), "payload at '/3'"));
  }
}

CAF_TEST(the result of a dependency is asked for once) {
  int asked = 0;
  const auto count = [&](const std::string&) {
    ++asked;
    return "1";
  };
  const auto payload = R"(["${ticket.a.result}", "${ticket.a.result} ${ticket.b.result}"])";
  const auto result = resolve_references(payload, "command", count, {enough_bytes});
  CAF_CHECK(result && *result == R"(["1","1 1"])");
  CAF_CHECK_EQUAL(asked, 2);
}

CAF_TEST(escaped texts come back as they were) {
  const auto seed = test::choose_seed();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 2'000; ++round) {
    const auto text = random_text(random);
    CAF_REQUIRE_EQUAL(text_after(with_escapes(text)), text);
  }
}

CAF_TEST(no text leads to anything but an answer or an error) {
  const auto seed = test::choose_seed();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random{seed};
  const resolve_rules rules{200, [](const std::string& place) { return place == "/0"; }};
  int resolved_count = 0;
  for (int round = 0; round < 2'000; ++round) {
    const auto payload = json{random_text(random), {{random_text(random), random_text(random)}}}.dump();
    const auto found = find_references(payload, "command");
    const auto result = resolve_references(payload, "command", among(known), rules);
    if (result) {
      ++resolved_count;
      CAF_REQUIRE(found);
      CAF_REQUIRE(result->size() <= 200 && json::accept(*result));
    } else {
      CAF_REQUIRE(!found || !found->empty() || payload.size() > 200);
    }
    // Bytes that may not even be JSON.
    auto bytes = payload;
    for (auto count = random() % 4; count > 0; --count)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    find_references(bytes, "command");
    resolve_references(bytes, "command", among(known), rules);
  }
  CAF_CHECK(resolved_count > 200);
}
