// Activations, results and the small messages around them. Layouts (little-endian, behind the prefix):
//   activation  u64 deployment, u64 request, u32 epoch, u32 stage, u32 turn, u32 remaining ms, parts
//   result      u64 deployment, u64 request, u32 epoch, u32 stage, u32 queued us, u32 computed us, parts
//   parts       u16 count, u16 0, then for each: u32 port, u16 source, u8 element type, u8 rank, i64 extents[rank];
//               the payload frames are the parts' tensors in the same order
//   credit      u64 deployment, u32 epoch, u32 stage, u32 count, u32 sender
//   cancel      u64 deployment, u64 request
//   stage error u64 deployment, u64 request, u32 epoch, u32 stage, u32 code, text (u32 length, bytes)
//   probe       u64 task, u32 sequence; one payload frame        probe echo  u64 task, u32 sequence
//   blob request digest[32], u64 offset, u32 size                blob missing digest[32]
//   blob        digest[32], u64 offset, u64 total; one payload frame
//   refused     u64 subject, u32 code, text                      goodbye     text
#include "wire/data_messages.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "wire/codec.hpp"

namespace shoal::wire {

using base::Code;
using base::fail;

namespace {

void write_parts(ByteWriter& out, const std::vector<Part>& parts) {
    out.put(static_cast<std::uint16_t>(parts.size())).put(std::uint16_t{0});
    for (const Part& part : parts) {
        const auto& type = part.tensor.type();
        out.put(part.port).put(part.source);
        out.put(static_cast<std::uint8_t>(type.element)).put(static_cast<std::uint8_t>(type.shape.rank()));
        for (const std::int64_t extent : type.shape)
            out.put(extent);
    }
}

Frames payload_of(const std::vector<Part>& parts) {
    Frames out;
    out.reserve(parts.size() + 1);
    for (const Part& part : parts)
        out.push_back(part.tensor.shared_bytes());
    return out;
}

Part read_part(ByteReader& in, const Envelope& envelope, std::size_t index) {
    Part out;
    out.port = in.get<std::uint32_t>();
    out.source = in.get<std::uint16_t>();
    const auto element = checked_element(in.get<std::uint8_t>());
    const auto rank = in.get<std::uint8_t>();
    if (out.port >= kMaxPorts) fail(Code::network, "port ", out.port, "; at most ", kMaxPorts, " are allowed");
    if (rank > tensor::kMaxRank) fail(Code::network, "a tensor of rank ", static_cast<int>(rank));
    std::vector<std::int64_t> extents;
    for (int axis = 0; axis < rank; ++axis)
        extents.push_back(in.get<std::int64_t>());
    out.tensor = envelope.tensor(index, {element, tensor::Shape(std::move(extents))});
    return out;
}

std::vector<Part> read_parts(ByteReader& in, const Envelope& envelope) {
    const auto count = in.get<std::uint16_t>();
    if (in.get<std::uint16_t>() != 0) fail(Code::network, "something in the reserved bytes");
    envelope.expect_payloads(count);
    std::vector<Part> out;
    for (std::size_t i = 0; i < count; ++i)
        out.push_back(read_part(in, envelope, i));
    return out;
}

base::Digest read_digest(ByteReader& in) {
    base::Digest out;
    const auto bytes = in.get_bytes(out.bytes.size());
    std::transform(bytes.begin(), bytes.end(), out.bytes.begin(), std::to_integer<std::uint8_t>);
    return out;
}

base::ByteView bytes_of(const base::Digest& digest) {
    return std::as_bytes(std::span(digest.bytes));
}

std::uint32_t code_of(Code code) {
    return static_cast<std::uint32_t>(code);
}

void expect_chunk(std::uint64_t offset, std::uint64_t size, std::uint64_t total) {
    if (size > kMaxChunkBytes) fail(Code::network, "a piece of ", size, " bytes; at most ", kMaxChunkBytes);
    if (offset > total || size > total - offset)
        fail(Code::network, "bytes ", offset, "+", size, " of a blob of ", total);
}

// Of messages without payload: reads the fields and expects nothing behind them.
template <class Fields>
void read_plain(const Envelope& envelope, Fields&& fields) {
    envelope.expect_payloads(0);
    ByteReader in(envelope.body());
    fields(in);
    in.expect_end();
}

}  // namespace

Frames encode(const Activation& message) {
    auto out = letter();
    out.put(message.deployment).put(message.request).put(message.epoch).put(message.stage).put(message.turn);
    out.put(std::min(message.remaining_ms, kMaxRemainingMs));
    write_parts(out, message.parts);
    return seal(Kind::activation, std::move(out), payload_of(message.parts));
}

void read(const Envelope& envelope, Activation& out) {
    ByteReader in(envelope.body());
    out.deployment = in.get<std::uint64_t>();
    out.request = in.get<std::uint64_t>();
    out.epoch = in.get<std::uint32_t>();
    out.stage = in.get<std::uint32_t>();
    out.turn = in.get<std::uint32_t>();
    out.remaining_ms = in.get<std::uint32_t>();
    if (out.remaining_ms > kMaxRemainingMs) fail(Code::network, "a deadline in ", out.remaining_ms, " ms");
    out.parts = read_parts(in, envelope);
    in.expect_end();
}

Frames encode(const Result& message) {
    auto out = letter();
    out.put(message.deployment).put(message.request).put(message.epoch).put(message.stage);
    out.put(message.queued_us).put(message.computed_us);
    write_parts(out, message.parts);
    return seal(Kind::result, std::move(out), payload_of(message.parts));
}

void read(const Envelope& envelope, Result& out) {
    ByteReader in(envelope.body());
    out.deployment = in.get<std::uint64_t>();
    out.request = in.get<std::uint64_t>();
    out.epoch = in.get<std::uint32_t>();
    out.stage = in.get<std::uint32_t>();
    out.queued_us = in.get<std::uint32_t>();
    out.computed_us = in.get<std::uint32_t>();
    out.parts = read_parts(in, envelope);
    in.expect_end();
}

Frames encode(const Credit& message) {
    auto out = letter();
    out.put(message.deployment).put(message.epoch).put(message.stage).put(message.count);
    out.put(message.sender);
    return seal(Kind::credit, std::move(out));
}

void read(const Envelope& envelope, Credit& out) {
    read_plain(envelope, [&](ByteReader& in) {
        out.deployment = in.get<std::uint64_t>();
        out.epoch = in.get<std::uint32_t>();
        out.stage = in.get<std::uint32_t>();
        out.count = in.get<std::uint32_t>();
        out.sender = in.get<std::uint32_t>();
    });
}

Frames encode(const Cancel& message) {
    auto out = letter();
    out.put(message.deployment).put(message.request);
    return seal(Kind::cancel, std::move(out));
}

void read(const Envelope& envelope, Cancel& out) {
    read_plain(envelope, [&](ByteReader& in) {
        out.deployment = in.get<std::uint64_t>();
        out.request = in.get<std::uint64_t>();
    });
}

Frames encode(const StageError& message) {
    auto out = letter();
    out.put(message.deployment).put(message.request).put(message.epoch).put(message.stage);
    out.put(code_of(message.code)).put_text(shortened(message.text));
    return seal(Kind::stage_error, std::move(out));
}

void read(const Envelope& envelope, StageError& out) {
    read_plain(envelope, [&](ByteReader& in) {
        out.deployment = in.get<std::uint64_t>();
        out.request = in.get<std::uint64_t>();
        out.epoch = in.get<std::uint32_t>();
        out.stage = in.get<std::uint32_t>();
        out.code = checked_code(in.get<std::uint32_t>());
        out.text = in.get_text(kMaxTextBytes);
    });
}

Frames encode(const Probe& message) {
    auto out = letter();
    out.put(message.task).put(message.sequence);
    return seal(Kind::probe, std::move(out), {message.payload});
}

void read(const Envelope& envelope, Probe& out) {
    envelope.expect_payloads(1);
    ByteReader in(envelope.body());
    out.task = in.get<std::uint64_t>();
    out.sequence = in.get<std::uint32_t>();
    out.payload = envelope.payload(0);
    in.expect_end();
}

Frames encode(const ProbeEcho& message) {
    auto out = letter();
    out.put(message.task).put(message.sequence);
    return seal(Kind::probe_echo, std::move(out));
}

void read(const Envelope& envelope, ProbeEcho& out) {
    read_plain(envelope, [&](ByteReader& in) {
        out.task = in.get<std::uint64_t>();
        out.sequence = in.get<std::uint32_t>();
    });
}

Frames encode(const BlobRequest& message) {
    auto out = letter();
    out.put_bytes(bytes_of(message.digest)).put(message.offset).put(message.size);
    return seal(Kind::blob_request, std::move(out));
}

void read(const Envelope& envelope, BlobRequest& out) {
    read_plain(envelope, [&](ByteReader& in) {
        out.digest = read_digest(in);
        out.offset = in.get<std::uint64_t>();
        out.size = in.get<std::uint32_t>();
        expect_chunk(out.offset, out.size, std::numeric_limits<std::uint64_t>::max());
    });
}

Frames encode(const Blob& message) {
    auto out = letter();
    out.put_bytes(bytes_of(message.digest)).put(message.offset).put(message.total);
    return seal(Kind::blob, std::move(out), {message.bytes});
}

void read(const Envelope& envelope, Blob& out) {
    envelope.expect_payloads(1);
    ByteReader in(envelope.body());
    out.digest = read_digest(in);
    out.offset = in.get<std::uint64_t>();
    out.total = in.get<std::uint64_t>();
    out.bytes = envelope.payload(0);
    expect_chunk(out.offset, out.bytes.size(), out.total);
    in.expect_end();
}

Frames encode(const BlobMissing& message) {
    auto out = letter();
    out.put_bytes(bytes_of(message.digest));
    return seal(Kind::blob_missing, std::move(out));
}

void read(const Envelope& envelope, BlobMissing& out) {
    read_plain(envelope, [&](ByteReader& in) { out.digest = read_digest(in); });
}

Frames encode(const Refused& message) {
    auto out = letter();
    out.put(message.subject).put(code_of(message.code)).put_text(shortened(message.text));
    return seal(Kind::refused, std::move(out));
}

void read(const Envelope& envelope, Refused& out) {
    read_plain(envelope, [&](ByteReader& in) {
        out.subject = in.get<std::uint64_t>();
        const auto code = static_cast<Code>(in.get<std::uint32_t>());
        out.code = base::name(code) != "unknown" ? code : Code::refused;  // a later version may have more codes
        out.text = in.get_text(kMaxTextBytes);
    });
}

Frames encode(const Goodbye& message) {
    auto out = letter();
    out.put_text(shortened(message.reason));
    return seal(Kind::goodbye, std::move(out));
}

void read(const Envelope& envelope, Goodbye& out) {
    read_plain(envelope, [&](ByteReader& in) { out.reason = in.get_text(kMaxTextBytes); });
}

std::size_t choose_replica(const std::vector<double>& shares, std::uint32_t turn) {
    // The turn's bits in reverse are van der Corput's sequence: 0, 1/2, 1/4, 3/4, 1/8, ...
    std::uint32_t reversed = 0;
    for (int bit = 0; bit < 32; ++bit)
        reversed |= (turn >> bit & 1U) << (31 - bit);
    double total = 0;
    for (const double share : shares)
        total += share;
    double left = std::ldexp(static_cast<double>(reversed), -32) * total;
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        if (shares[i] <= 0) continue;
        chosen = i;
        if (left < shares[i]) break;
        left -= shares[i];
    }
    return chosen;
}

}  // namespace shoal::wire
