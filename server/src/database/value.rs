//! Values on their way into a statement, of the four kinds that SQLite and PostgreSQL both know.

use bytes::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::error::Error;

/// One parameter of a statement; `None` is NULL, which has a kind as well: PostgreSQL wants to know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Numbers, times in Unix milliseconds, and truth as 0 and 1.
    Integer(Option<i64>),
    /// What is measured.
    Real(Option<f64>),
    /// UTF-8 without U+0000, which PostgreSQL cannot hold.
    Text(Option<&'a str>),
    /// Bytes.
    Blob(Option<&'a [u8]>),
}

/// The parameters of a statement, `?1` first: `params![id, name, Some(at)]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::database::ToValue::to_value(&$value)),*] as &[$crate::database::Value<'_>]
    };
}
pub use params;

/// What can be a parameter.
pub trait ToValue {
    /// NULL of this kind.
    const NULL: Value<'static>;

    /// The parameter.
    fn to_value(&self) -> Value<'_>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl ToValue for $number {
            const NULL: Value<'static> = Value::Integer(None);

            fn to_value(&self) -> Value<'_> {
                Value::Integer(Some(i64::from(*self)))
            }
        }
    )*};
}
numbers!(i64, i32, u32, u16, u8, bool);

impl ToValue for u64 {
    const NULL: Value<'static> = Value::Integer(None);

    /// What is beyond the largest number that a database holds (2^63 − 1) counts as that one.
    fn to_value(&self) -> Value<'_> {
        Value::Integer(Some(i64::try_from(*self).unwrap_or(i64::MAX)))
    }
}

impl ToValue for f64 {
    const NULL: Value<'static> = Value::Real(None);

    fn to_value(&self) -> Value<'_> {
        Value::Real(Some(*self))
    }
}

impl ToValue for str {
    const NULL: Value<'static> = Value::Text(None);

    fn to_value(&self) -> Value<'_> {
        Value::Text(Some(self))
    }
}

impl ToValue for String {
    const NULL: Value<'static> = Value::Text(None);

    fn to_value(&self) -> Value<'_> {
        Value::Text(Some(self))
    }
}

impl ToValue for [u8] {
    const NULL: Value<'static> = Value::Blob(None);

    fn to_value(&self) -> Value<'_> {
        Value::Blob(Some(self))
    }
}

impl ToValue for Vec<u8> {
    const NULL: Value<'static> = Value::Blob(None);

    fn to_value(&self) -> Value<'_> {
        Value::Blob(Some(self))
    }
}

impl<const N: usize> ToValue for [u8; N] {
    const NULL: Value<'static> = Value::Blob(None);

    fn to_value(&self) -> Value<'_> {
        Value::Blob(Some(self))
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    const NULL: Value<'static> = T::NULL;

    fn to_value(&self) -> Value<'_> {
        T::to_value(self)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    const NULL: Value<'static> = T::NULL;

    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(T::NULL, ToValue::to_value)
    }
}

impl ToValue for Value<'_> {
    const NULL: Value<'static> = Value::Integer(None);

    fn to_value(&self) -> Value<'_> {
        *self
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match *self {
            Self::Integer(Some(number)) => ValueRef::Integer(number),
            Self::Real(Some(number)) => ValueRef::Real(number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Blob(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Integer(None) | Self::Real(None) | Self::Text(None) | Self::Blob(None) => ValueRef::Null,
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

impl Value<'_> {
    /// The kind by which PostgreSQL is told of it.
    pub(super) fn postgres_type(&self) -> Type {
        match self {
            Self::Integer(_) => Type::INT8,
            Self::Real(_) => Type::FLOAT8,
            Self::Text(_) => Type::TEXT,
            Self::Blob(_) => Type::BYTEA,
        }
    }

    /// One letter for the kind.
    pub(super) fn letter(&self) -> char {
        match self {
            Self::Integer(_) => 'i',
            Self::Real(_) => 'r',
            Self::Text(_) => 't',
            Self::Blob(_) => 'b',
        }
    }

    /// Whether every database can hold it.
    pub(super) fn is_storable(&self) -> bool {
        !matches!(self, Self::Text(Some(text)) if text.contains('\0'))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Real(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::FLOAT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_becomes_a_value_and_nothing_keeps_its_kind() {
        let (name, bytes, none): (&str, Vec<u8>, Option<&str>) = ("alice", vec![1, 2], None);
        assert_eq!(
            params![7_u64, true, name, bytes, none, 1.5, None::<u64>, u64::MAX],
            [
                Value::Integer(Some(7)),
                Value::Integer(Some(1)),
                Value::Text(Some("alice")),
                Value::Blob(Some(&[1, 2])),
                Value::Text(None),
                Value::Real(Some(1.5)),
                Value::Integer(None),
                Value::Integer(Some(i64::MAX)),
            ]
        );
    }

    #[test]
    fn only_a_nul_cannot_be_stored() {
        assert!(!"a\0b".to_value().is_storable());
        assert!("a\u{1}b".to_value().is_storable() && None::<&str>.to_value().is_storable());
    }
}
