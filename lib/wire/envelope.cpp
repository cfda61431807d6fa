// A message's prefix, 16 bytes, the same in every version:
//   0  "SHOL"
//   4  u16 major version
//   6  u16 minor version
//   8  u8  kind
//   9  u8  payload frames that follow
//  10  u16 0
//  12  u32 bytes of the body, which fills the rest of the frame
#include "wire/envelope.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace shoal::wire {

using base::Code;
using base::fail;

namespace {

constexpr std::array<char, 4> kMagic{'S', 'H', 'O', 'L'};

struct NameRow {
    Kind kind;
    std::string_view name;
};

constexpr NameRow kNames[] = {
    {Kind::refused, "refused"},
    {Kind::goodbye, "goodbye"},
    {Kind::activation, "activation"},
    {Kind::result, "result"},
    {Kind::credit, "credit"},
    {Kind::cancel, "cancel"},
    {Kind::stage_error, "stage error"},
    {Kind::probe, "probe"},
    {Kind::probe_echo, "probe echo"},
    {Kind::blob_request, "blob request"},
    {Kind::blob, "blob"},
    {Kind::blob_missing, "blob missing"},
    {Kind::board_register, "register"},
    {Kind::welcome, "welcome"},
    {Kind::heartbeat, "heartbeat"},
    {Kind::heartbeat_echo, "heartbeat echo"},
    {Kind::peers, "peers"},
    {Kind::peer_hello, "peer hello"},
    {Kind::measure_kernels, "measure kernels"},
    {Kind::kernel_costs, "kernel costs"},
    {Kind::measure_link, "measure link"},
    {Kind::link_measured, "link measured"},
    {Kind::task_failed, "task failed"},
    {Kind::deploy, "deploy"},
    {Kind::deploy_progress, "deploy progress"},
    {Kind::ready, "ready"},
    {Kind::deploy_failed, "deploy failed"},
    {Kind::undeploy, "undeploy"},
    {Kind::client_hello, "client hello"},
    {Kind::open_model, "open model"},
    {Kind::open_progress, "open progress"},
    {Kind::planned, "planned"},
    {Kind::opened, "opened"},
    {Kind::replanned, "replanned"},
    {Kind::model_failed, "model failed"},
    {Kind::close_model, "close model"},
    {Kind::submit, "submit"},
    {Kind::answer, "answer"},
    {Kind::request_failed, "request failed"},
    {Kind::cancel_request, "cancel request"},
    {Kind::status_request, "status request"},
    {Kind::status, "status"},
};

struct Prefix {
    std::array<char, 4> magic = kMagic;
    Version version = kVersion;
    std::uint8_t kind = 0, payloads = 0;
    std::uint16_t zero = 0;
    std::uint32_t body_bytes = 0;
};
static_assert(sizeof(Prefix) == kPrefixBytes);

// The version stands in front of everything that may change with it.
void check_version(const Prefix& prefix) {
    if (prefix.version.major == kVersion.major || prefix.kind == static_cast<std::uint8_t>(Kind::refused)) return;
    fail(Code::refused, "the other side speaks protocol version ", prefix.version.major, ".", prefix.version.minor,
         ", this one ", kVersion.major, ".", kVersion.minor, "; run the same release of Shoal on both");
}

}  // namespace

std::string_view name(Kind kind) noexcept {
    for (const auto& row : kNames) {
        if (row.kind == kind) return row.name;
    }
    return "?";
}

std::optional<Kind> peek_kind(const Frames& frames) noexcept {
    if (frames.empty() || frames[0].size() < kPrefixBytes) return std::nullopt;
    const auto prefix = base::load_le<Prefix>(frames[0].data());
    if (prefix.magic != kMagic || prefix.version.major != kVersion.major) return std::nullopt;
    const Kind kind{prefix.kind};
    return name(kind) != "?" ? std::optional(kind) : std::nullopt;
}

Frames seal(Kind kind, ByteWriter letter, Frames payload) {
    const std::size_t body_bytes = letter.size() - kPrefixBytes;
    if (body_bytes > kMaxBodyBytes) {
        fail(Code::invalid_argument, "a ", name(kind), " message of ", body_bytes, " bytes; at most ", kMaxBodyBytes,
             " may be sent");
    }
    if (payload.size() > kMaxPayloads) {
        fail(Code::invalid_argument, "a ", name(kind), " message with ", payload.size(), " tensors; at most ",
             kMaxPayloads, " may be sent");
    }
    Prefix prefix;
    prefix.kind = static_cast<std::uint8_t>(kind);
    prefix.payloads = static_cast<std::uint8_t>(payload.size());
    prefix.body_bytes = static_cast<std::uint32_t>(body_bytes);
    auto first = letter.take();
    base::store_le(first.data(), prefix);
    payload.insert(payload.begin(), base::SharedBytes::own(std::move(first)));
    return payload;
}

Envelope::Envelope(const Frames& frames) : frames_(frames), kind_(Kind::refused) {
    if (frames.empty() || frames[0].size() < kPrefixBytes) fail(Code::network, "not a message: it has no prefix");
    const auto prefix = base::load_le<Prefix>(frames[0].data());
    if (prefix.magic != kMagic) fail(Code::network, "not a message: it does not begin with SHOL");
    check_version(prefix);
    kind_ = Kind{prefix.kind};
    if (name(kind_) == "?") fail(Code::network, "a message of unknown kind ", static_cast<int>(prefix.kind));
    body_ = frames[0].view().subspan(kPrefixBytes);
    if (body_.size() > kMaxBodyBytes || body_.size() != prefix.body_bytes) {
        fail(Code::network, "a body of ", body_.size(), " bytes, announced as ", prefix.body_bytes, "; at most ",
             kMaxBodyBytes, " may be sent");
    }
    if (prefix.zero != 0) fail(Code::network, "a prefix with something in its reserved bytes");
    if (payloads() != prefix.payloads) {
        fail(Code::network, payloads(), " payload frames, announced as ", static_cast<int>(prefix.payloads));
    }
}

void Envelope::expect_payloads(std::size_t count) const {
    if (payloads() != count) fail(Code::network, payloads(), " payload frames where ", count, " belong");
}

tensor::Tensor Envelope::tensor(std::size_t i, tensor::Type type) const {
    const base::SharedBytes& bytes = payload(i);
    if (bytes.size() != type.size_bytes()) {
        fail(Code::network, "a tensor ", type, " of ", type.size_bytes(), " bytes in a frame of ", bytes.size());
    }
    const auto unit = static_cast<std::uintptr_t>(std::max(1, tensor::bits(type.element) / 8));
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % unit == 0) return {std::move(type), bytes};
    tensor::Tensor out(std::move(type));
    if (!bytes.empty()) std::memcpy(out.edit().data(), bytes.data(), bytes.size());
    return out;
}

tensor::ElementType checked_element(std::uint8_t value) {
    if (value < 1 || value > tensor::kElementTypeCount) {
        fail(Code::network, "element type ", static_cast<int>(value), "; there are 1 to ", tensor::kElementTypeCount);
    }
    return tensor::ElementType{value};
}

base::Code checked_code(std::uint32_t value) {
    const auto code = static_cast<Code>(static_cast<int>(value));
    if (value > 255 || base::name(code) == "unknown") fail(Code::network, "an unknown error code ", value);
    return code;
}

std::string_view shortened(std::string_view text) noexcept {
    if (text.size() <= kMaxTextBytes) return text;
    std::size_t end = kMaxTextBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)  // inside of a UTF-8 character
        --end;
    return text.substr(0, end);
}

}  // namespace shoal::wire
