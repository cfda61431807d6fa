#include "importer/operators.hpp"

#include <unordered_map>

#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

std::string key_of(std::string_view domain, std::string_view name) {
    std::string out(domain);
    out += '.';
    out += name;
    return out;
}

using Index = std::unordered_map<std::string, std::vector<const Row*>>;

const Index& index() {
    static const auto* made = [] {
        auto* out = new Index;
        for (const Row* row : all_rows())
            (*out)[key_of(row->domain, row->name)].push_back(row);
        return out;
    }();
    return *made;
}

const std::vector<const Row*>& rows_of(std::string_view domain, std::string_view name) {
    static const std::vector<const Row*> none;
    const auto found = index().find(key_of(domain, name));
    return found == index().end() ? none : found->second;
}

}  // namespace

std::vector<const Row*> all_rows() {
    std::vector<const Row*> out;
    for (const Family* family : kAllFamilies) {
        for (const Row& row : family->rows)
            out.push_back(&row);
    }
    return out;
}

const Row* find_row(std::string_view domain, std::string_view name, std::int64_t opset) noexcept {
    if (opset == 0 && !domain.empty()) opset = 1;  // fusing exporters forget to import their own domain
    for (const Row* row : rows_of(domain, name)) {
        const int until = row->until != 0 ? row->until : domain.empty() ? kNewestOpset : 1 << 30;
        if (opset >= row->since && opset <= until) return row;
    }
    return nullptr;
}

bool is_supported(std::string_view domain, std::string_view name, std::int64_t opset) noexcept {
    const Row* row = find_row(domain, name, opset);
    return row != nullptr && row->refusal.empty();
}

std::string reason_of_refusal(std::string_view domain, std::string_view name) {
    for (const Row* row : rows_of(domain, name)) {
        if (!row->refusal.empty()) return std::string(row->refusal);
    }
    const auto& rows = rows_of(domain, name);
    if (rows.empty()) return "";
    return "known in versions " + std::to_string(rows.front()->since) + " to " +
           std::to_string(domain.empty() ? kNewestOpset : rows.front()->until);
}

}  // namespace shoal::importer
