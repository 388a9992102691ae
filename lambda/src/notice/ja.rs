//! Japanese.

use std::fmt::Write;

use super::{ComingUp, Mail, Rotated, Where};
use crate::{key::Status, plan::DeleteAfter, report::Summary, time::Span};

pub(super) fn rotated(facts: &Rotated<'_>) -> Mail {
    let Rotated { user, key, now, .. } = facts;
    let mut body = format!("IAM ユーザー {user} に新しいアクセスキーを発行しました。\n\n・アクセスキー ID: {key}\n");
    match &facts.secret {
        Where::InThisMail(secret) => {
            let _ = writeln!(body, "・シークレットアクセスキー: {}", secret.expose());
            let _ = writeln!(body, "・発行日時: {}", now.to_minute());
            body.push_str("\n新しいキーに設定を切り替えたあと、このメールを削除してください。\n");
        }
        Where::Encrypted(block) => {
            body.push_str("・シークレットアクセスキー: 下のブロックに暗号化されています\n");
            let _ = writeln!(body, "・発行日時: {}", now.to_minute());
            let commands = block.commands("KEY_FILE");
            let run = if commands.len() == 1 {
                "次のコマンド"
            } else {
                "次のうちお使いの鍵に合うコマンド"
            };
            let _ = write!(
                body,
                "\n新しいキーに設定を切り替えてください。{run}を実行し、\n\n{}\n続けて下のブロックを最初の「-」から最後の「-」まで貼り付けると\
                 取得できます。各行の先頭に「>」や空白を入れないでください。\n\n{}",
                commands.concat(),
                block.text
            );
        }
        Where::SecretsManager(name) => {
            let _ = writeln!(body, "・シークレットアクセスキー: Secrets Manager の {name} にあります");
            let _ = writeln!(body, "・発行日時: {}", now.to_minute());
            let _ = write!(
                body,
                "\n新しいキーに設定を切り替えてください。次のコマンドで取得できます。\n\n    \
                 aws secretsmanager get-secret-value --secret-id '{name}' --query SecretString --output text\n"
            );
        }
    }
    for old in &facts.replaced {
        let _ = write!(body, "\n以前のキー {}({} 作成)は", old.id, old.created.to_minute());
        let fate = facts.fate();
        let fate_of_key = match (old.status, fate.at_once) {
            (Status::Inactive, _) => "すでに無効です。".to_owned(),
            (Status::Active, true) => "ただちに無効になります。".to_owned(),
            (Status::Active, false) => format!("少なくとも {} まで有効です。", fate.active_until.to_minute()),
        };
        body.push_str(&fate_of_key);
        if old.status == Status::Active && fate.waits_while_in_use {
            body.push_str("まだ使われている場合は、使われなくなるまで有効のままです。");
        }
        body.push('\n');
        let _ = match fate.deleted {
            DeleteAfter::NextRotation => {
                writeln!(body, "次回のローテーションで削除されます。それまでは再び有効にできます。")
            }
            DeleteAfter::Window(Span::ZERO) => writeln!(body, "無効になりしだい削除されます。"),
            DeleteAfter::Window(span) => {
                writeln!(body, "無効になってから {} 後に削除されます。それまでは再び有効にできます。", spoken(span))
            }
        };
    }
    Mail { subject: format!("AWS アクセスキーを更新しました - {user}"), body }
}

pub(super) fn coming_up(facts: &ComingUp<'_>) -> Mail {
    let ComingUp { user, key, due } = facts;
    let body = format!(
        "IAM ユーザー {user} のアクセスキー {key} は {} 以降に更新されます。\n\n\
         今すぐの作業は必要ありません。新しいキーが発行されしだいお知らせします。それまでに、現在のキーがどこで使われているかを確認してください。\n",
        due.to_minute()
    );
    Mail { subject: format!("AWS アクセスキーをまもなく更新します - {user}"), body }
}

/// `14d` as people say it.
fn spoken(span: Span) -> String {
    let text = span.to_string();
    let unit = match text.chars().last() {
        Some('d') => "日",
        Some('h') => "時間",
        Some('m') => "分",
        _ => "秒",
    };
    format!("{} {unit}", text.trim_end_matches(char::is_alphabetic))
}

pub(super) fn summary(s: &Summary) -> String {
    format!(
        "{} ユーザーのアクセスキーを確認しました(更新 {}、無効化 {}、削除 {}、失敗 {}、要確認 {})",
        s.users, s.rotated, s.deactivated, s.deleted, s.failed, s.needs_person
    )
}
