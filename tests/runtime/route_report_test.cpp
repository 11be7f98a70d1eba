#define CAF_SUITE route_report

#include "runtime/executors/route_report.hpp"

#include "tests/runtime/classify_fixture.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using namespace swarm::test;

namespace {

/// "shut whole_kind hash 3600s"
std::string text_of_report(const route_report& x) {
  auto result = to_string(x.news);
  if (x.whole_kind)
    result += " whole_kind";
  if (x.this_node)
    result += " this_node";
  if (!x.credential.empty())
    result += " " + x.credential;
  if (x.wait.count() > 0)
    result += " " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(x.wait).count()) + "s";
  return result;
}

std::string report(const outside_signal& x, const std::string& credential = "hash") {
  return text_of_report(report_of(classify(x, noon, 9), credential)); // no retry in place is left
}

http_failure status(int number, const std::string& retry_after = "") {
  http_failure x;
  x.status = number;
  x.retry_after = retry_after;
  return x;
}

} // namespace

CAF_TEST(each scope of a verdict names what others must leave alone) {
  CAF_CHECK_EQUAL(report(transport_failure{transport_error::connect}), "failed");
  CAF_CHECK_EQUAL(report(transport_failure{transport_error::tls_certificate}), "shut");
  CAF_CHECK_EQUAL(report(status(503)), "failed");
  CAF_CHECK_EQUAL(report(status(401)), "shut whole_kind hash");
  CAF_CHECK_EQUAL(report(status(402)), "shut whole_kind hash");
  CAF_CHECK_EQUAL(report(status(403)), "shut hash");
  CAF_CHECK_EQUAL(report(status(429, "60")), "throttled hash 60s");
  CAF_CHECK_EQUAL(report(status(400)), "refused hash");
  CAF_CHECK_EQUAL(report(status(422)), "answered hash");
  CAF_CHECK_EQUAL(report(own_limit{own_limit_kind::attempt_timeout}), "none");
  CAF_CHECK_EQUAL(report(own_limit{own_limit_kind::budget_refused}), "none");
  cli_result missing;
  missing.process.exit_code = 127;
  CAF_CHECK_EQUAL(report(missing), "shut whole_kind this_node");
}

CAF_TEST(without a credential nothing is shut for one but everybody is told to wait) {
  CAF_CHECK_EQUAL(report(status(401), ""), "none");
  CAF_CHECK_EQUAL(report(status(403), ""), "none");
  CAF_CHECK_EQUAL(report(status(429, "60"), ""), "throttled 60s");
  CAF_CHECK_EQUAL(report(status(503), ""), "failed");
}

CAF_TEST(who logs in by what its node has speaks for that node) {
  auto of_node = [](const outside_signal& x) { return text_of_report(report_of(classify(x, noon, 9), "", true)); };
  CAF_CHECK_EQUAL(of_node(status(401)), "shut whole_kind this_node");
  CAF_CHECK_EQUAL(of_node(status(403)), "shut this_node");
  CAF_CHECK_EQUAL(of_node(status(429, "60")), "throttled this_node 60s");
  CAF_CHECK_EQUAL(of_node(status(503)), "failed");
  CAF_CHECK_EQUAL(text_of_report(report_of(classify(status(401), noon, 9), "hash", true)), "shut whole_kind hash");
}

CAF_TEST(a credential is named by a short hash and never by itself) {
  CAF_CHECK_EQUAL(credential_hash("abc"), "ba7816bf8f01");
  CAF_CHECK_EQUAL(credential_hash(""), "");
  CAF_CHECK_NOT_EQUAL(credential_hash("abd"), credential_hash("abc"));
}
