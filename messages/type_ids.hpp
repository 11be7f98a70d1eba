#pragma once

#include "messages/child_spec.hpp"
#include "messages/command.hpp"
#include "messages/outcome.hpp"
#include "messages/reports.hpp"
#include "messages/ticket.hpp"

#include <caf/type_id.hpp>

// Every type that travels in a message. A type that isn't listed is a compile error where it is sent.
CAF_BEGIN_TYPE_ID_BLOCK(swarm, caf::first_custom_type_id)

  CAF_ADD_TYPE_ID(swarm, (swarm::claim_ref))
  CAF_ADD_TYPE_ID(swarm, (std::vector<swarm::claim_ref>))
  CAF_ADD_TYPE_ID(swarm, (swarm::watermark))
  CAF_ADD_TYPE_ID(swarm, (std::vector<swarm::watermark>))
  CAF_ADD_TYPE_ID(swarm, (swarm::claim_request))
  CAF_ADD_TYPE_ID(swarm, (swarm::claimed_ticket))
  CAF_ADD_TYPE_ID(swarm, (std::vector<swarm::claimed_ticket>))
  CAF_ADD_TYPE_ID(swarm, (swarm::outcome))
  CAF_ADD_TYPE_ID(swarm, (swarm::settlement))
  CAF_ADD_TYPE_ID(swarm, (swarm::settle_request))
  CAF_ADD_TYPE_ID(swarm, (swarm::settled_ticket))
  CAF_ADD_TYPE_ID(swarm, (swarm::throttle_request))
  CAF_ADD_TYPE_ID(swarm, (swarm::settle_report))
  CAF_ADD_TYPE_ID(swarm, (swarm::stop_cause))
  CAF_ADD_TYPE_ID(swarm, (swarm::held_claims))
  CAF_ADD_TYPE_ID(swarm, (swarm::beat_request))
  CAF_ADD_TYPE_ID(swarm, (swarm::held_lease))
  CAF_ADD_TYPE_ID(swarm, (std::vector<swarm::held_lease>))
  CAF_ADD_TYPE_ID(swarm, (swarm::reclaim_request))
  CAF_ADD_TYPE_ID(swarm, (swarm::reclaim_report))
  CAF_ADD_TYPE_ID(swarm, (swarm::cascade_request))
  CAF_ADD_TYPE_ID(swarm, (swarm::cascade_report))
  CAF_ADD_TYPE_ID(swarm, (swarm::propagate_report))
  CAF_ADD_TYPE_ID(swarm, (swarm::promote_report))
  CAF_ADD_TYPE_ID(swarm, (swarm::seal_report))
  CAF_ADD_TYPE_ID(swarm, (swarm::prune_request))
  CAF_ADD_TYPE_ID(swarm, (swarm::prune_report))
  CAF_ADD_TYPE_ID(swarm, (swarm::command_spec))
  CAF_ADD_TYPE_ID(swarm, (swarm::command_result))
  CAF_ADD_TYPE_ID(swarm, (swarm::actor_report))
  CAF_ADD_TYPE_ID(swarm, (swarm::child_report))
  CAF_ADD_TYPE_ID(swarm, (std::vector<swarm::child_report>))
  CAF_ADD_TYPE_ID(swarm, (swarm::child_counts))
  CAF_ADD_TYPE_ID(swarm, (swarm::child_spec))

CAF_END_TYPE_ID_BLOCK(swarm)

// Holds functions, so it stays in this process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(swarm::child_spec)
