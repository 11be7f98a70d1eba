#pragma once

#include "messages/checks.hpp"
#include "messages/outcome.hpp"
#include "runtime/checks/verdict.hpp"
#include "runtime/checks/work_folder.hpp"

#include <string>
#include <string_view>

namespace swarm::checks {

/// What a model sees that judges the work in a conversation of its own: what the ticket asks for, what the other
/// checks have found, and files. Nothing of what the work says of itself, which would only talk it round.
struct review_subject {
  std::string spec;
  std::string evidence; ///< A line per check, and what they wrote.
  std::string files;    ///< As `files_for_review` wrote them.
};

/// The files that a review names, head and tail of each, and the reason for those that can't be read: that the work
/// hasn't made them is for the model to judge.
std::string files_for_review(const work_folder& workspace, const std::vector<std::string>& paths,
                             const redaction& = as_it_is);

/// The question, as the payload of a ticket of kind "claude". Each line of the subject is marked as data.
std::string review_payload(const review_rules&, const review_subject&);

/// What came of it. Only an answer in the form that was asked for is a verdict; whatever else an attempt at Claude can
/// end with is an error.
finding read_review(const outcome&);

} // namespace swarm::checks
