#pragma once

#include <uv.h>

#include <memory>

namespace swarm::executors {

/// Closes a libuv handle and frees it when the loop has let go of it; no callback of the handle comes after the close.
template <class Handle>
struct uv_closer {
  void operator()(Handle* x) const noexcept {
    uv_close(reinterpret_cast<uv_handle_t*>(x), [](uv_handle_t* y) { delete reinterpret_cast<Handle*>(y); });
  }
};

/// An initialised libuv handle. Its memory outlives the owner by one turn of the loop, as libuv demands.
template <class Handle>
using uv_owned = std::unique_ptr<Handle, uv_closer<Handle>>;

} // namespace swarm::executors
