// Einsum: operands are joined one after the other; each join is a batched matrix product.
#include <algorithm>
#include <cctype>

#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

// A label for each axis: a letter, or for axes under "..." numbers from kDots on, counted from the last such axis.
using Labels = std::vector<int>;
constexpr int kDots = 1000;

struct Term {
    ValueId value;
    Labels labels;
};

bool holds(const Labels& labels, int label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// Reads one side's term; `dots` is how many axes "..." stands for.
Labels labels_of(Context& c, const std::string& text, int dots) {
    Labels out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (std::isalpha(static_cast<unsigned char>(text[i])) != 0) {
            out.push_back(text[i]);
            continue;
        }
        c.expect(text.compare(i, 3, "...") == 0, "equation term '", text, "'");
        for (int k = dots; k-- > 0;)
            out.push_back(kDots + k);
        i += 2;
    }
    return out;
}

// Axes of equal labels become their diagonal.
Term without_repeats(Context& c, Term term) {
    Builder& b = c.builder();
    for (std::size_t i = 0; i < term.labels.size(); ++i) {
        const auto twin =
            std::find(term.labels.begin() + static_cast<std::ptrdiff_t>(i) + 1, term.labels.end(), term.labels[i]);
        if (twin == term.labels.end()) continue;
        const int rank = b.shape(term.value).rank(), first = static_cast<int>(i),
                  second = static_cast<int>(twin - term.labels.begin());
        const ValueId behind = move_axis(b, move_axis(b, term.value, second, rank - 1), first, rank - 2);
        const Shape shape = b.shape(behind);
        const std::int64_t extent = shape.back();
        c.expect(extent == shape[rank - 2], "a label stands for ", extent, " and ", shape[rank - 2], " elements");
        Ints flat(shape.begin(), shape.end() - 2);
        flat.push_back(extent * extent);
        const ValueId line = b.reshape(behind, Shape(flat));
        Ints begins(flat.size(), 0), steps(flat.size(), 1);
        steps.back() = extent + 1;
        flat.back() = extent;
        const int label = term.labels[i];
        term.labels.erase(twin);
        term.labels.erase(term.labels.begin() + static_cast<std::ptrdiff_t>(i));
        term.labels.push_back(label);
        term.value = b.slice(line, begins, flat, steps);
        return without_repeats(c, std::move(term));
    }
    return term;
}

Term summed(Builder& b, Term term, const Labels& kept) {
    Ints axes;
    Labels labels;
    for (std::size_t i = 0; i < term.labels.size(); ++i) {
        if (holds(kept, term.labels[i]))
            labels.push_back(term.labels[i]);
        else
            axes.push_back(static_cast<std::int64_t>(i));
    }
    if (axes.empty()) return term;
    const ValueId sum = b.reduce("sum", term.value, axes);
    return {squeeze(b, sum, std::vector<int>(axes.begin(), axes.end())), labels};
}

// The term's axes in this order; labels that it lacks become axes of extent 1.
ValueId arranged(Builder& b, const Term& term, const Labels& order) {
    Ints perm;
    std::vector<int> missing;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const auto at = std::find(term.labels.begin(), term.labels.end(), order[i]);
        if (at == term.labels.end())
            missing.push_back(static_cast<int>(i));
        else
            perm.push_back(at - term.labels.begin());
    }
    return unsqueeze(b, b.transpose(term.value, perm), missing);
}

std::int64_t extent_of(Builder& b, const Term& term, int label) {
    const auto at = std::find(term.labels.begin(), term.labels.end(), label) - term.labels.begin();
    return b.shape(term.value)[static_cast<int>(at)];
}

// [batch.., rows, inner] from a term: the labels in this order, the last two groups merged.
ValueId as_matrix(Builder& b, const Term& term, const Labels& batch, const Labels& rows, const Labels& columns) {
    Labels order = batch;
    order.insert(order.end(), rows.begin(), rows.end());
    order.insert(order.end(), columns.begin(), columns.end());
    const ValueId x = arranged(b, term, order);
    const Shape shape = b.shape(x);
    const int split = static_cast<int>(batch.size()), middle = split + static_cast<int>(rows.size());
    Ints extents(shape.begin(), shape.begin() + split);
    extents.push_back(shape.count(split, middle));
    extents.push_back(shape.count(middle, shape.rank()));
    return b.reshape(x, Shape(extents));
}

Term joined(Context& c, Term left, Term right, const Labels& kept) {
    Builder& b = c.builder();
    Labels wanted_left = kept, wanted_right = kept;
    wanted_left.insert(wanted_left.end(), right.labels.begin(), right.labels.end());
    wanted_right.insert(wanted_right.end(), left.labels.begin(), left.labels.end());
    left = summed(b, std::move(left), wanted_left);
    right = summed(b, std::move(right), wanted_right);
    Labels batch, inner, rows, columns;
    for (const int label : left.labels) {
        const bool shared = holds(right.labels, label);
        (shared ? (holds(kept, label) ? batch : inner) : rows).push_back(label);
        if (!shared) continue;
        const std::int64_t a = extent_of(b, left, label), d = extent_of(b, right, label);
        c.expect(a == d || (label >= kDots && (a == 1 || d == 1)), "a label stands for ", a, " and ", d, " elements");
    }
    for (const int label : right.labels)
        if (!holds(left.labels, label)) columns.push_back(label);
    const ValueId product =
        b.matmul(as_matrix(b, left, batch, rows, inner), as_matrix(b, right, batch, columns, inner), true);
    const Shape shape = b.shape(product);
    Ints extents(shape.begin(), shape.end() - 2);
    Labels labels = batch;
    for (const int label : rows) {
        extents.push_back(extent_of(b, left, label));
        labels.push_back(label);
    }
    for (const int label : columns) {
        extents.push_back(extent_of(b, right, label));
        labels.push_back(label);
    }
    return {b.reshape(product, Shape(extents)), labels};
}

struct Equation {
    std::vector<Labels> terms;
    Labels result;
};

Equation equation_of(Context& c) {
    std::string text = c.text("equation");
    text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
    const auto arrow = text.find("->");
    std::string left = text.substr(0, arrow);
    std::vector<std::string> terms;
    for (std::size_t start = 0; start <= left.size();) {
        const auto comma = std::min(left.find(',', start), left.size());
        terms.push_back(left.substr(start, comma - start));
        start = comma + 1;
    }
    c.expect(static_cast<int>(terms.size()) == c.input_count(), "equation '", text, "' for ", c.input_count(),
             " inputs");
    Equation out;
    int most_dots = 0;
    for (int i = 0; i < c.input_count(); ++i) {
        const auto& term = terms[static_cast<std::size_t>(i)];
        const int letters = static_cast<int>(labels_of(c, term, 0).size());
        const bool dotted = term.find('.') != std::string::npos;
        const int dots = dotted ? c.rank(i) - letters : 0;
        c.expect(dots >= 0 && letters + dots == c.rank(i), "equation term '", term, "' for ", c.type(i));
        most_dots = std::max(most_dots, dots);
        out.terms.push_back(labels_of(c, term, dots));
    }
    if (arrow != std::string::npos) {
        out.result = labels_of(c, text.substr(arrow + 2), most_dots);
        return out;
    }
    // Without an arrow: the axes under the dots, then the letters that occur once, in alphabetical order.
    out.result = labels_of(c, "...", most_dots);
    for (int letter = 'A'; letter <= 'z'; ++letter) {
        std::ptrdiff_t count = 0;
        for (const auto& term : out.terms)
            count += std::count(term.begin(), term.end(), letter);
        if (count == 1) out.result.push_back(letter);
    }
    return out;
}

Values einsum(Context& c) {
    Builder& b = c.builder();
    const Equation equation = equation_of(c);
    c.expect(!equation.terms.empty(), "it has no inputs");
    Term sum = without_repeats(c, {c.in(0), equation.terms[0]});
    for (std::size_t i = 1; i < equation.terms.size(); ++i) {
        Labels kept = equation.result;
        for (std::size_t later = i + 1; later < equation.terms.size(); ++later)
            kept.insert(kept.end(), equation.terms[later].begin(), equation.terms[later].end());
        sum = joined(c, std::move(sum), without_repeats(c, {c.in(static_cast<int>(i)), equation.terms[i]}), kept);
    }
    sum = summed(b, std::move(sum), equation.result);
    for (const int label : equation.result)
        c.expect(holds(sum.labels, label), "the result has an axis that no input has");
    return {arranged(b, sum, equation.result)};
}

const Row kRows[] = {
    {"", "Einsum", 1, 0, einsum},
};

}  // namespace

namespace families {
const Family einsum{kRows};
}

}  // namespace shoal::importer
