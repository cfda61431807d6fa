#include "wire/decode.hpp"

#include <new>
#include <stdexcept>
#include <string>

#include "wire/codec.hpp"

namespace shoal::wire {

using base::Code;
using base::fail;

namespace {

template <class Message>
Message read_as(const Envelope& envelope) {
    Message out;
    read(envelope, out);
    return out;
}

// The alternative of that kind, tried one after the other.
template <class Direction, std::size_t kIndex = 0>
Direction choose(const Envelope& envelope, const char* direction) {
    if constexpr (kIndex == std::variant_size_v<Direction>) {
        fail(Code::network, "a message that is not said from ", direction);
    } else {
        using Message = std::variant_alternative_t<kIndex, Direction>;
        if (KindOf<Message>::kKind == envelope.kind()) return read_as<Message>(envelope);
        return choose<Direction, kIndex + 1>(envelope, direction);
    }
}

// Whatever goes wrong with a peer's bytes is a broken message; which part of Shoal noticed does not matter.
template <class Direction>
Direction decode(const Frames& frames, const char* direction) {
    std::string_view what = "message";
    try {
        const Envelope envelope(frames);
        what = name(envelope.kind());
        return choose<Direction>(envelope, direction);
    } catch (const base::Error& error) {
        if (error.code() == Code::refused || error.code() == Code::out_of_memory) throw;
        fail(Code::network, "broken ", what, " from ", direction, ": ", error.what());
    } catch (const std::bad_alloc&) {
        fail(Code::out_of_memory, "no memory for a ", what, " from ", direction);
    } catch (const std::length_error&) {
        fail(Code::network, "broken ", what, " from ", direction, ": a length that makes no sense");
    }
}

}  // namespace

HubFromBoard decode_hub_from_board(const Frames& frames) {
    return decode<HubFromBoard>(frames, "a board to the hub");
}
BoardFromHub decode_board_from_hub(const Frames& frames) {
    return decode<BoardFromHub>(frames, "the hub to a board");
}
BoardFromBoard decode_board_from_board(const Frames& frames) {
    return decode<BoardFromBoard>(frames, "a board to a board");
}
HubFromClient decode_hub_from_client(const Frames& frames) {
    return decode<HubFromClient>(frames, "a client to the hub");
}
ClientFromHub decode_client_from_hub(const Frames& frames) {
    return decode<ClientFromHub>(frames, "the hub to a client");
}

}  // namespace shoal::wire
