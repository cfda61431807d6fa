#include "cli/table.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "cli/text.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastName = 8;  // a name cut shorter says nothing

void trim_end(std::string& line) {
    line.erase(line.find_last_not_of(' ') + 1);
}

}  // namespace

Table::Table(std::vector<Column> columns, std::size_t indent) : columns_(std::move(columns)), indent_(indent) {}

void Table::add(std::vector<std::string> cells) {
    base::ensure(cells.size() == columns_.size(), "a row of ", cells.size(), " cells in a table of ", columns_.size());
    for (auto& cell : cells)
        cell = printable(cell);
    rows_.push_back({std::move(cells), {}});
}

void Table::add_note(std::string text) {
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        rows_.push_back({{}, printable(std::string_view(text).substr(at, end - at))});
        at = end + 1;
    }
}

std::vector<std::size_t> Table::widths(std::size_t columns) const {
    std::vector<std::size_t> out;
    std::size_t total = indent_ + kGap * (columns_.size() - 1);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t widest = width(columns_[i].heading);
        for (const Row& row : rows_)
            widest = std::max(widest, row.cells.empty() ? 0 : width(row.cells[i]));
        out.push_back(widest);
        total += widest;
    }
    // What is too much is taken from the widest name, one character at a time, so that names share the loss.
    while (total > columns) {
        auto widest = out.end();
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const bool can_shrink = columns_[i].fit == Column::Fit::name && out[i] > kLeastName;
            if (can_shrink && (widest == out.end() || out[i] > *widest))
                widest = out.begin() + static_cast<std::ptrdiff_t>(i);
        }
        if (widest == out.end()) break;
        --*widest;
        --total;
    }
    return out;
}

std::string Table::text(std::size_t columns) const {
    const auto sizes = widths(columns);
    const auto line_of = [&](const auto& cell_at) {
        std::string line(indent_, ' ');
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const std::string cell = fitted_middle(cell_at(i), sizes[i]);
            line += (i > 0 ? std::string(kGap, ' ') : "") +
                    (columns_[i].fit == Column::Fit::number ? right(cell, sizes[i]) : left(cell, sizes[i]));
        }
        trim_end(line);
        return line + '\n';
    };
    std::string out = line_of([&](std::size_t i) { return columns_[i].heading; });
    for (const Row& row : rows_) {
        out += row.cells.empty() ? std::string(indent_, ' ') + fitted(row.note, columns - indent_) + '\n'
                                 : line_of([&](std::size_t i) { return row.cells[i]; });
    }
    return out;
}

void Facts::add(std::string_view name, std::string_view value) {
    const std::size_t column = indent_ + name_width_ + kGap;
    const std::string body = wrapped(printable(value), column);
    text_ += left(std::string(indent_, ' ') + std::string(name), column);
    text_ += body.size() > column ? body.substr(column) : "-\n";
}

}  // namespace shoal::cli
