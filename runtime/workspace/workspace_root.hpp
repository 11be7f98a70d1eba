#pragma once

#include "messages/ids.hpp"
#include "runtime/files.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace swarm::workspace {

/// The name of a ticket's directory below the root, e.g. "ticket-42".
std::string directory_name(ticket_id);

/// Whose directory it is; nothing for a name that `directory_name` never gives.
std::optional<ticket_id> ticket_of(std::string_view directory_name);

/// Opens the directory that holds the workspaces of a node. Whoever else could write there could put something of his
/// own in the place of a workspace, so it must belong to this user and be writable by nobody else.
/// @param make creates it with mode 0700 when it isn't there; its parent must be.
/// @returns errc::invalid_input for a relative path, errc::not_permitted, errc::not_found, or what the system says.
caf::expected<runtime::descriptor> open_root(const std::filesystem::path& root, bool make);

} // namespace swarm::workspace
