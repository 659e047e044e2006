// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <QtCore/QAbstractListModel>
#include <QtCore/QStringList>
#include <QtCore/QVariant>

/// A list whose rows are set from Rust: the values of all roles, row after row. What a bridge object with rows is made of.
class RowModel : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(int count READ count NOTIFY countChanged)

public:
    using QAbstractListModel::QAbstractListModel;
    int count() const;
    int rowCount(const QModelIndex &parent = QModelIndex()) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;
    /// The names of the roles. Once, before there are rows.
    void setRoles(const QStringList &names);
    /// Takes `removed` rows away from `at` on, and puts these in their place.
    void splice(int at, int removed, const QList<QVariant> &values);
    /// Gives the rows from `at` on other values.
    void rewrite(int at, const QList<QVariant> &values);

Q_SIGNALS:
    void countChanged();

private:
    QStringList m_roles;
    QList<QVariantList> m_rows;
};
