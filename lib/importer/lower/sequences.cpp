// Sequences and optionals: they exist while lowering only, as lists of values.
#include "base/checked.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

using Slots = std::vector<Slot>;

Slot sequence_at(Context& c, int i) {
    Slot slot = c.slot(i);
    c.expect(slot.sequence, "input ", i, " is no sequence");
    return slot;
}

// A position in [-count, last], counted from 0.
std::size_t position(Context& c, int input, std::size_t count, bool behind_last) {
    const std::int64_t at = c.integer(input), size = static_cast<std::int64_t>(count);
    c.expect(at >= -size && at < size + (behind_last ? 1 : 0), "position ", at, " of a sequence of ", size);
    return static_cast<std::size_t>(at < 0 ? at + size : at);
}

Slots construct(Context& c) {
    Slot out{.sequence = true};
    for (int i = 0; i < c.input_count(); ++i)
        out.items.push_back(c.in(i));
    return {out};
}

Slots empty(Context& c) {
    return {Slot{.sequence = true, .element = c.element_type("dtype", ElementType::f32)}};
}

Slots at(Context& c) {
    const Slot from = sequence_at(c, 0);
    return {Slot::of(from.items[position(c, 1, from.items.size(), false)])};
}

Slots insert(Context& c) {
    Slot out = sequence_at(c, 0);
    const std::size_t where = c.has(2) ? position(c, 2, out.items.size(), true) : out.items.size();
    out.items.insert(out.items.begin() + static_cast<std::ptrdiff_t>(where), c.in(1));
    return {out};
}

Slots erase(Context& c) {
    Slot out = sequence_at(c, 0);
    c.expect(!out.items.empty(), "the sequence is empty");
    const std::size_t where = c.has(1) ? position(c, 1, out.items.size(), false) : out.items.size() - 1;
    out.items.erase(out.items.begin() + static_cast<std::ptrdiff_t>(where));
    return {out};
}

Slots length(Context& c) {
    const auto count = static_cast<std::int64_t>(sequence_at(c, 0).items.size());
    return {Slot::of(c.builder().constant(Tensor::scalar(count)))};
}

Slots concatenated(Context& c) {
    Builder& b = c.builder();
    Slot from = sequence_at(c, 0);
    c.expect(!from.items.empty(), "the sequence is empty");
    const bool stacked = c.flag("new_axis", false);
    const int axis = c.axis(c.integer("axis"), b.shape(from.items[0]).rank() + (stacked ? 1 : 0));
    if (stacked) {
        for (ValueId& item : from.items)
            item = unsqueeze(b, item, {axis});
    }
    return {Slot::of(b.concat(std::move(from.items), axis))};
}

// Parts of one size, or of the given sizes; single slices lose their axis when there is no second input and no
// keepdims.
Slots split(Context& c) {
    Builder& b = c.builder();
    const int axis = c.axis(c.integer("axis", 0), c.rank(0));
    const std::int64_t extent = c.shape(0)[axis];
    Ints sizes;
    if (c.has(1) && c.rank(1) == 1) {
        sizes = c.ints(1);
    } else {
        const std::int64_t size = c.has(1) ? c.integer(1) : 1;
        c.expect(size > 0, "parts of ", size);
        c.expect_operators(base::ceil_div(extent, size));
        for (std::int64_t left = extent; left > 0; left -= size)
            sizes.push_back(std::min(size, left));
    }
    Slot out{.sequence = true, .element = c.element(0)};
    std::int64_t begin = 0;
    for (const auto size : sizes) {
        c.expect(size >= 0 && size <= extent - begin, "a part of ", size, " behind ", begin, " of ", extent);
        const ValueId part = b.slice_axis(c.in(0), axis, size == 0 ? 0 : begin, size);
        out.items.push_back(!c.has(1) && !c.flag("keepdims", true) ? squeeze(b, part, {axis}) : part);
        begin += size;
    }
    c.expect(begin == extent, "the parts have ", begin, " of ", extent, " elements");
    return {out};
}

Slots optional(Context& c) {
    if (c.input_count() > 0) return {c.slot(0)};
    return {Slot{.optional = true}};
}

Slots optional_element(Context& c) {
    const Slot from = c.slot(0);
    c.expect(!from.absent(), "the optional is empty");
    return {from};
}

Slots optional_has_element(Context& c) {
    const bool there = !c.slot(0).absent();
    return {Slot::of(c.builder().constant(Tensor::scalar(tensor::Bool{there})))};
}

constexpr Row on_slots(std::string_view name, Slots (*lower)(Context&)) {
    return {.domain = "", .name = name, .since = 1, .until = 0, .lower = nullptr, .lower_slots = lower};
}

const Row kRows[] = {
    on_slots("ConcatFromSequence", concatenated),
    on_slots("Optional", optional),
    on_slots("OptionalGetElement", optional_element),
    on_slots("OptionalHasElement", optional_has_element),
    on_slots("SequenceAt", at),
    on_slots("SequenceConstruct", construct),
    on_slots("SequenceEmpty", empty),
    on_slots("SequenceErase", erase),
    on_slots("SequenceInsert", insert),
    on_slots("SequenceLength", length),
    on_slots("SplitToSequence", split),
};

}  // namespace

namespace families {
const Family sequences{kRows};
}

}  // namespace shoal::importer
