//! Data forms (XEP-0004), as commands ask and answer with them.

use minidom::Element;
use waxwing_xml::Tag;

pub const DATA: &str = "jabber:x:data";

/// A field that is asked for, with what is chosen or filled in already.
pub struct Field<'a> {
    pub kind: &'static str,
    pub var: &'static str,
    pub label: &'static str,
    pub values: &'a [&'a str],
    /// What there is to choose from: label and value.
    pub options: &'a [(String, String)],
    pub required: bool,
}

/// Writes a form to be filled in.
pub fn ask(title: &str, instructions: &str, fields: &[Field<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    Tag::new(&mut out, "x").ns(DATA).attr("type", "form").children(|out| {
        Tag::new(out, "title").text(title);
        Tag::new(out, "instructions").text(instructions);
        fields.iter().for_each(|field| field.write(out));
    });
    out
}

impl Field<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let tag = Tag::new(out, "field").attr("type", self.kind).attr("var", self.var);
        tag.attr("label", self.label).children(|out| {
            if self.required {
                Tag::new(out, "required").end_empty();
            }
            self.values.iter().for_each(|value| Tag::new(out, "value").text(value));
            for (label, value) in self.options {
                let option = Tag::new(out, "option").attr("label", label);
                option.children(|out| Tag::new(out, "value").text(value));
            }
        });
    }
}

/// Writes a table: of each column name and label, then the rows in the columns' order.
pub fn table<const N: usize>(title: &str, columns: [(&str, &str); N], rows: &[[String; N]]) -> Vec<u8> {
    let mut out = Vec::new();
    Tag::new(&mut out, "x").ns(DATA).attr("type", "result").children(|out| {
        Tag::new(out, "title").text(title);
        Tag::new(out, "reported").children(|out| {
            for (var, label) in columns {
                Tag::new(out, "field")
                    .attr("type", "text-single")
                    .attr("var", var)
                    .attr("label", label)
                    .end_empty();
            }
        });
        for row in rows {
            Tag::new(out, "item").children(|out| {
                for ((var, _), value) in columns.iter().zip(row) {
                    let field = Tag::new(out, "field").attr("var", var);
                    field.children(|out| Tag::new(out, "value").text(value));
                }
            });
        }
    });
    out
}

/// The filled in form in a command. One of the type `cancel` counts as well (XEP-0050 §3.5.1).
pub fn submitted(command: &Element) -> Option<&Element> {
    let form = command.get_child("x", DATA)?;
    matches!(form.attr("type"), Some("submit" | "cancel")).then_some(form)
}

/// The values of a field, none where it is missing.
pub fn values(form: &Element, var: &str) -> Vec<String> {
    let fields = form.children().filter(|field| field.is("field", DATA) && field.attr("var") == Some(var));
    let values = fields.flat_map(Element::children).filter(|value| value.is("value", DATA));
    values.map(Element::text).collect()
}
