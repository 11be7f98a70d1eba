#include "runtime/store/sqlstate.hpp"

namespace swarm::store {

errc classify_sqlstate(std::string_view code) {
  if (code.empty() || code.starts_with("08") || code.starts_with("57P") || code == "25006" || code == "53300"
      || code == "25P03") // idle_in_transaction_session_timeout: the session is gone
    return errc::database_unavailable;
  if (code == "40001" || code == "40P01" || code == "55P03" || code == "57014")
    return errc::database_contended;
  // SW: refused by a function of the schema, with a sentence.
  if (code.starts_with("22") || code.starts_with("23") || code.starts_with("SW"))
    return errc::constraint_violated;
  if (code.starts_with("28") || code == "42501" || code.starts_with("3D"))
    return errc::database_denied;
  if (code == "53100")
    return errc::disk_full;
  return errc::database_error;
}

} // namespace swarm::store
