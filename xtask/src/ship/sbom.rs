//! `cargo xtask sbom`: what the images are made of, as CycloneDX 1.5 JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::parts::{IMAGES, Id, Part, Shipped};
use crate::metadata::Metadata;

/// Writes it below the target folder; where it is.
pub(crate) fn write() -> Result<(PathBuf, usize), String> {
    let parts = IMAGES.parts()?;
    let folder = Metadata::target()?.join("sbom");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let path = folder.join(format!("{}.cdx.json", IMAGES.name));
    let text = format!("{:#}\n", document(&IMAGES, &parts));
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((path, parts.len()))
}

fn document(shipped: &Shipped, parts: &BTreeMap<Id, Part>) -> Value {
    let components: Vec<Value> = parts.iter().map(|(id, part)| component(id, part)).collect();
    let mut dependencies: Vec<Value> = parts
        .iter()
        .map(|(id, part)| {
            let on: Vec<String> = part.needs.iter().map(reference).collect();
            json!({ "ref": reference(id), "dependsOn": on })
        })
        .collect();
    let top = format!("{}@{}", shipped.name, env!("CARGO_PKG_VERSION"));
    let ours: Vec<String> = parts
        .iter()
        .filter(|(_, part)| part.checksum.is_none())
        .map(|(id, _)| reference(id))
        .collect();
    dependencies.push(json!({ "ref": top, "dependsOn": ours }));
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": top,
                "name": shipped.name,
                "version": env!("CARGO_PKG_VERSION"),
            },
        },
        "components": components,
        "dependencies": dependencies,
    })
}

fn component(id: &Id, part: &Part) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(id),
        "name": id.0,
        "version": id.1,
        "purl": reference(id),
    });
    if let Some(licence) = &part.licence {
        // The old way to write it, which is no SPDX expression.
        let expression = licence.replace('/', " OR ");
        component["licenses"] = json!([{ "expression": expression }]);
    }
    if let Some(checksum) = &part.checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if let Some(repository) = &part.repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    component
}

/// A package URL (purl-spec, type `cargo`).
fn reference((name, version): &Id) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_part_is_told_with_its_checksum_and_what_it_needs() {
        let id = |name: &str| (name.to_owned(), "1.0.0+x".to_owned());
        let part = |checksum: Option<&str>, needs: &[Id]| Part {
            licence: Some("MIT/Apache-2.0".to_owned()),
            repository: None,
            folder: PathBuf::new(),
            checksum: checksum.map(str::to_owned),
            needs: needs.iter().cloned().collect::<BTreeSet<_>>(),
        };
        let parts = BTreeMap::from([
            (id("ours"), part(None, &[id("a")])),
            (id("a"), part(Some("ab"), &[])),
        ]);
        let document = document(&IMAGES, &parts);
        let a = &document["components"][0];
        assert_eq!(a["purl"], "pkg:cargo/a@1.0.0%2Bx");
        assert_eq!(a["hashes"][0]["content"], "ab");
        assert_eq!(a["licenses"][0]["expression"], "MIT OR Apache-2.0");
        let of_ours = &document["dependencies"][1];
        assert_eq!(of_ours["dependsOn"][0], "pkg:cargo/a@1.0.0%2Bx");
        let top = &document["dependencies"][2];
        assert_eq!(top["dependsOn"], json!(["pkg:cargo/ours@1.0.0%2Bx"]));
    }
}
