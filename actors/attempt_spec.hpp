#pragma once

#include "actors/ticket_worker.hpp"

namespace swarm {

/// The program of an attempt of kind command, with all that it may have. @returns errc::not_found with a sentence when this
/// node hasn't a secret that it needs.
caf::expected<command_spec> command_of(const claimed_ticket&, const command_payload&, const worker_context&,
                                       const executors::attempt_files&);

/// Reads what a ticket is to do, with the results that its payload refers to in their places, and plans its checks. Of a
/// command the payload goes to `payload`; that of any other kind is its executor's, and only the checks and their directory
/// are taken out of it. They work where the work is done, with its limits and its environment, but without the files of the
/// attempt. What workspace it wants is in `payload` for every kind. @returns errc::invalid_input with a sentence.
caf::expected<checks::check_plan> read_payload(claimed_ticket&, command_payload& payload, const worker_context&,
                                               unsigned seed);

/// What it means for an attempt that its workspace couldn't be made: `permanent` when only people can mend what the ticket
/// asks for.
outcome_class class_of_workspace_failure(const caf::error&);

/// The details of an outcome with the attempt's workspace as the member "workspace".
std::string with_workspace(const std::string& details, const workspace::prepared_workspace&);

} // namespace swarm
