// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/rows.h"

#include <algorithm>

int RowModel::count() const
{
    return static_cast<int>(m_rows.size());
}

int RowModel::rowCount(const QModelIndex &parent) const
{
    // A list has no rows below a row.
    return parent.isValid() ? 0 : count();
}

QVariant RowModel::data(const QModelIndex &index, int role) const
{
    const int column = role - Qt::UserRole - 1;
    if (index.row() < 0 || index.row() >= m_rows.size() || column < 0) {
        return {};
    }
    return m_rows.at(index.row()).value(column);
}

QHash<int, QByteArray> RowModel::roleNames() const
{
    QHash<int, QByteArray> names;
    for (int column = 0; column < m_roles.size(); ++column) {
        names.insert(Qt::UserRole + 1 + column, m_roles.at(column).toUtf8());
    }
    return names;
}

void RowModel::setRoles(const QStringList &names)
{
    m_roles = names;
}

void RowModel::splice(int at, int removed, const QList<QVariant> &values)
{
    const int before = count();
    at = std::clamp(at, 0, before);
    removed = std::clamp(removed, 0, before - at);
    if (removed > 0) {
        beginRemoveRows({}, at, at + removed - 1);
        m_rows.remove(at, removed);
        endRemoveRows();
    }
    const int width = std::max<int>(1, m_roles.size());
    const int added = static_cast<int>(values.size()) / width;
    if (added > 0) {
        beginInsertRows({}, at, at + added - 1);
        m_rows.insert(at, added, QVariantList());
        for (int row = 0; row < added; ++row) {
            m_rows[at + row] = values.mid(row * width, width);
        }
        endInsertRows();
    }
    if (count() != before) {
        Q_EMIT countChanged();
    }
}

void RowModel::rewrite(int at, const QList<QVariant> &values)
{
    const int width = std::max<int>(1, m_roles.size());
    const int changed = std::min(static_cast<int>(values.size()) / width, count() - at);
    if (at < 0 || changed <= 0) {
        return;
    }
    for (int row = 0; row < changed; ++row) {
        m_rows[at + row] = values.mid(row * width, width);
    }
    Q_EMIT dataChanged(index(at), index(at + changed - 1));
}
