// The C interface's plain values: versions, names of codes and types, the log, cancellations.
#include <string>

#include "base/log.hpp"
#include "capi/support.hpp"

namespace {

using shoal::base::Code;
using shoal::tensor::ElementType;

// What crosses the interface by number is numbered alike on both sides.
static_assert(SHOAL_INVALID_ARGUMENT == static_cast<int>(Code::invalid_argument));
static_assert(SHOAL_REFUSED == static_cast<int>(Code::refused));
static_assert(SHOAL_IO == static_cast<int>(Code::io));
static_assert(SHOAL_OUT_OF_MEMORY == static_cast<int>(Code::out_of_memory));
static_assert(SHOAL_INTERNAL == static_cast<int>(Code::internal));
static_assert(SHOAL_F32 == static_cast<int>(ElementType::f32));
static_assert(SHOAL_BOOL == static_cast<int>(ElementType::boolean));
static_assert(SHOAL_U4 == static_cast<int>(ElementType::u4));
static_assert(SHOAL_U4 == shoal::tensor::kElementTypeCount);
static_assert(SHOAL_DEBUG == static_cast<int>(shoal::base::LogLevel::debug));
static_assert(SHOAL_ERROR == static_cast<int>(shoal::base::LogLevel::error));
static_assert(SHOAL_HOST == static_cast<int>(shoal::device::Kind::host));

bool is_element(shoal_element element) {
    return element >= SHOAL_F32 && element <= SHOAL_U4;
}

}  // namespace

const char* shoal_version(void) {
    return SHOAL_VERSION;
}

uint32_t shoal_abi(void) {
    return SHOAL_ABI;
}

const char* shoal_status_name(shoal_status status) {
    // Names are literals, so they end with 0.
    return status == SHOAL_OK ? "ok" : shoal::base::name(static_cast<Code>(status)).data();
}

const char* shoal_element_name(shoal_element element) {
    return is_element(element) ? shoal::tensor::name(static_cast<ElementType>(element)).data() : "?";
}

size_t shoal_element_bytes(shoal_element element, size_t count) {
    if (!is_element(element) || count > static_cast<size_t>(INT64_MAX)) return 0;
    try {
        return shoal::tensor::storage_bytes(static_cast<ElementType>(element), static_cast<std::int64_t>(count));
    } catch (const std::exception&) {
        return 0;  // more than there can be
    }
}

void shoal_set_log(shoal_log_function function, void* user, shoal_log_level least) {
    shoal::base::LogSink sink;
    if (function != nullptr) {
        sink = [function, user](shoal::base::LogLevel level, std::string_view room, std::string_view message) {
            function(user, static_cast<shoal_log_level>(level), std::string(room).c_str(),
                     std::string(message).c_str());
        };
    }
    shoal::base::set_log_sink(std::move(sink), static_cast<shoal::base::LogLevel>(least));
}

shoal_status shoal_cancellation_new(shoal_cancellation** cancellation) {
    return shoal::capi::guarded([&] {
        shoal::capi::expect(cancellation, "where the cancellation goes");
        *cancellation = new shoal_cancellation;
    });
}

void shoal_cancel(shoal_cancellation* cancellation) {
    if (shoal::capi::is_valid(cancellation)) cancellation->flag.cancel();
}

void shoal_cancellation_release(shoal_cancellation* cancellation) {
    shoal::capi::release(cancellation);
}
