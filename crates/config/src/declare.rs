//! How keys are declared.

use crate::kind::Kind;

/// One key as declared.
#[derive(Debug)]
pub(crate) struct Key {
    /// The full dotted name.
    pub name: &'static str,
    /// What it means, as Markdown; the lines of the doc comment.
    pub doc: &'static [&'static str],
    /// The default, as TOML.
    pub default: &'static str,
    /// Type and bounds.
    pub kind: Kind,
}

/// A group of keys: the struct that the server reads, and the table that checks, reference and display read.
macro_rules! section {
    ($(#[doc = $about:literal])* pub struct $name:ident {
        $($(#[doc = $doc:literal])* $key:literal => $field:ident: $type:ty = $default:literal, $kind:expr;)*
    }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[doc = $doc])* pub $field: $type,)*
        }

        impl $name {
            pub(crate) const SECTION: crate::declare::Section = crate::declare::Section {
                about: &[$($about),*],
                keys: &[$(crate::declare::Key {
                    name: $key,
                    doc: &[$($doc),*],
                    default: $default,
                    kind: $kind,
                }),*],
            };

            pub(crate) fn read(values: &crate::values::Values) -> Result<Self, crate::ConfigError> {
                Ok(Self { $($field: values.get($key)?),* })
            }
        }
    };
}
pub(crate) use section;

/// A group of keys as the reference shows it.
#[derive(Debug)]
pub(crate) struct Section {
    pub about: &'static [&'static str],
    pub keys: &'static [Key],
}

/// An enum whose values are named in the configuration.
macro_rules! choice {
    ($(#[doc = $about:literal])* pub enum $name:ident {
        $($(#[doc = $doc:literal])* $value:ident = $text:literal,)*
    }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $doc])* $value,)*
        }

        impl $name {
            /// Every value as it is written in the configuration.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// The value as it is written in the configuration.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)*
                }
            }
        }

        impl crate::values::FromEntry for $name {
            fn from_entry(entry: &crate::values::Entry, _kind: &crate::kind::Kind) -> Result<Self, String> {
                match entry.text()? {
                    $($text => Ok(Self::$value),)*
                    other => Err(format!("{other:?} is none of {}", Self::NAMES.join(", "))),
                }
            }
        }
    };
}
pub(crate) use choice;
