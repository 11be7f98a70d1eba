#pragma once

#include "config/node_config.hpp"
#include "messages/error.hpp"

#include "runtime/executors/redact/redactor.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace swarm::runtime {

/// Where log lines go besides the file.
enum class log_terminal { everything, nothing };

/// Sets up logging for the process: a rotating file, the terminal (stderr) on request, a level per component. A line is
/// a sentence with `key=value` facts at its end; with format `json` it is an object with the facts as members.
///
/// A log that can't be written to any more (full disk, closed terminal) never stops the program.
/// What the redactor knows never stands in a line, whoever wrote it.
/// @param file used when the configuration names none.
/// @returns errc::io_failed or errc::not_permitted when the file can't be opened.
caf::expected<void> set_up_logging(const config::log_config&, const std::filesystem::path& file, log_terminal,
                                   std::shared_ptr<const redact::redactor> redactor = nullptr);

/// One line as JSON: {"at": ..., "level": ..., "component": ..., "message": ..., <facts>}. Facts are taken from the end
/// of the sentence: words of the form key=value or key="some value", numbers as numbers.
std::string json_line(const std::string& at, const std::string& level, const std::string& component,
                      const std::string& sentence);

} // namespace swarm::runtime
