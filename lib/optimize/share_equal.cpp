#include <map>
#include <string>
#include <tuple>

#include "optimize/optimize.hpp"
#include "optimize/rewriter.hpp"

namespace shoal::optimize {
namespace {

// Constants above this size are told apart by their address alone: hashing all weights would cost more than it saves.
constexpr std::size_t kHashLimit = 4096;

class Sharer {
public:
    explicit Sharer(const Graph& old) : rewriter_(old) {}

    Graph run() {
        for (const Op& op : rewriter_.old().ops) {
            auto [at, fresh] = seen_.try_emplace(key(op));
            if (fresh) {
                rewriter_.copy(op);
                for (const auto id : op.outputs)
                    at->second.push_back(rewriter_[id]);
            } else {
                for (std::size_t i = 0; i < op.outputs.size(); ++i)
                    rewriter_.set(op.outputs[i], at->second[i]);
            }
        }
        return rewriter_.finish();
    }

private:
    std::string key(const Op& op) {
        std::string out = base::text(op.card->name, '{', graph::to_string(op.attrs), '}');
        for (const auto id : op.inputs)
            out += base::text(' ', id == kNoValue ? kNoValue : representative(rewriter_[id]));
        return out;
    }

    // The first constant with the same type and bytes, or the value itself.
    ValueId representative(ValueId id) {
        const auto& value = rewriter_.builder().graph().value(id);
        if (!value.constant || !value.constant->bound(value.type)) return id;
        const auto bytes = value.constant->bytes;
        const std::string content = bytes.size() <= kHashLimit
                                        ? std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())
                                        : base::text(static_cast<const void*>(bytes.data()));
        return constants_.try_emplace(tensor::to_string(value.type) + content, id).first->second;
    }

    Rewriter rewriter_;
    std::map<std::string, std::vector<ValueId>> seen_;
    std::map<std::string, ValueId> constants_;
};

}  // namespace

Graph share_equal(const Graph& graph) {
    return Sharer(graph).run();
}

}  // namespace shoal::optimize
