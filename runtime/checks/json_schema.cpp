#include "runtime/checks/json_schema.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "messages/json_schema.hpp"
#include "runtime/checks/evidence.hpp"

#include <string>

namespace swarm::checks {

finding check_json(std::string_view schema_text, std::string_view document_text) {
  const auto text = read_foreign_json(schema_text);
  if (!text)
    return {verdict::error, "the schema " + render(text.error()), {}};
  const auto schema = json_schema::read(*text);
  if (!schema)
    return {verdict::error, "the schema " + render(schema.error()), {}};
  const auto document = read_foreign_json(document_text);
  if (!document)
    return {verdict::fail, "the document " + render(document.error()), {}};
  const auto found = schema->violations(*document);
  if (!found)
    return {verdict::error, "the schema " + render(found.error()), {}};
  if (found->empty())
    return {verdict::pass, "the document matches the schema", {}};
  std::string detail;
  for (const auto& violation : *found)
    detail += violation + "\n";
  return {verdict::fail, "the document doesn't match the schema " + found->front(), head_and_tail(detail)};
}

} // namespace swarm::checks
