#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace swarm::executors {

using wall_time = std::chrono::system_clock::time_point;

/// Who is told to wait longer asks again after this time. Without a bound one absurd header would put a ticket off for
/// ever.
inline constexpr std::chrono::hours retry_after_max{24};

/// The same for dates at which access comes back. Limits of a month are the longest there are.
inline constexpr std::chrono::hours access_date_ahead_max{32 * 24};

/// A clock that is set wrongly must not overflow what is computed from it: between 1970 and about 2200.
wall_time plausible(wall_time now);

/// How long a response asks to wait, from its headers as they came (empty: absent). `retry-after-ms` goes first;
/// `retry-after` holds seconds, whole or not, or a date. Nothing if they hold something else, zero, a negative number
/// or a date that has passed: none of these says how long. Rounded up to milliseconds, at most `retry_after_max`.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view retry_after_ms,
                                                           std::string_view retry_after, wall_time now);

/// The first moment after `now` that a text names, as in "You will regain access on 2026-09-01 at 00:00 UTC.", and at
/// most `access_date_ahead_max` from now. Understands 2026-09-01 (also as RFC 3339), September 1, 2026, 1 Sep 2026, the
/// three forms of HTTP, 24 and 12 hours, numeric offsets. A day without a time begins at 00:00; a zone that is missing
/// or has another name is read as UTC.
std::optional<wall_time> find_date(std::string_view text, wall_time now);

/// The moment in a text such as "You've hit your session limit · resets 3:45pm": the next time that a clock with this
/// offset shows it. Nothing if that is more than half a day ahead, because then it has only just passed.
std::optional<wall_time> find_reset_time(std::string_view text, wall_time now, std::chrono::minutes utc_offset);

} // namespace swarm::executors
