"""Order states by language, for languages not covered by `order_states`: unpaid, refunded and so on.

No word belongs to two kinds of states. Words for orders that wait without a stated reason are left out, because an
order waiting for delivery is paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "pt": {
        "void": "falhado; falhada; falhou; malsucedido; malsucedida; recusada; anulada; expirado; expirada; "
        "rejeitado; rejeitada; "
        "aguarda pagamento; a aguardar pagamento; pagamento pendente; pendente de pagamento; nao pago; não paga; rascunho; "
        "em espera",
        "returned": "devolvida; estornado; estornada",
        "refunds": "devolução; estorno",
        "paid": "paga; aprovado; aprovada; entregue; concluída; concluida; concluido; enviada; processando; em processamento",
    },
    "cs": {
        "void": "zrušený; zrušená objednávka; storno; stornováno; stornována; stornovaná; nezaplacená; neuhrazeno; neuhrazená; "
        "čeká na platbu; čeká na zaplacení; čekající na platbu; selhalo; neúspěšná; zamítnuto; koncept",
        "returned": "vrácena; vrácená; vrácené peníze; peníze vráceny; refundováno; refundována",
        "refunds": "dobropis; vratka",
        "paid": "zaplacená; uhrazeno; uhrazená; vyřízeno; vyřízena; dokončeno; dokončená; odesláno; odeslána; "
        "doručeno; doručena; "
        "expedováno; zpracovává se",
    },
    "sk": {
        "void": "zrušené; stornovaná; nezaplatené; nezaplatená; čaká na platbu; čaká na zaplatenie; zlyhalo",
        "returned": "vrátené; vrátená; refundované",
        "paid": "zaplatené; zaplatená; vybavené; vybavená; odoslané; doručené",
    },
    "sv": {
        "void": "avbrutet; avbeställd; annullerad; annullerat; ej betald; inte betald; obetalt; väntar på betalning; "
        "inväntar betalning; misslyckad; misslyckades; nekad; avvisad; utkast",
        "returned": "återbetalad; återbetalt; returnerad; krediterad",
        "refunds": "kreditfaktura",
        "paid": "betalat; slutförd; slutfört; levererad; skickad; klar; färdig; behandlas",
    },
    "da no": {
        "void": "kanselert; avbrutt; afbrudt; ubetalt; ikke betalt; afventer betaling; venter på betaling; avventer betaling; "
        "mislykket; mislykkedes; fejlet; feilet; afvist; avvist; kladde; slettet",
        "returned": "tilbagebetalt; tilbakebetalt; returneret; returnert; krediteret; kreditert",
        "refunds": "refusion; refusjon; tilbagebetaling; tilbakebetaling",
        "paid": "gennemført; fullført; sendt; leveret; levert; afsluttet; ferdig; færdig; behandles",
    },
    "fi": {
        "void": "peruttu; mitätöity; maksamatta; maksamaton; odottaa maksua; maksu odottaa; epäonnistui; epäonnistunut; hylätty; "
        "luonnos; keskeytetty",
        "returned": "hyvitetty; palautettu",
        "refunds": "hyvitys; palautus; hyvityslasku",
        "paid": "maksettu; valmis; toimitettu; lähetetty; käsittelyssä",
    },
    "hu": {
        "void": "törölt; lemondva; lemondott; sztornó; sztornózva; sztornózott; nincs fizetve; nem fizetett; kifizetetlen; "
        "fizetésre vár; fizetésre váró; sikertelen; elutasítva; visszautasítva; visszavonva; piszkozat",
        "returned": "visszatérítve; visszatérített; visszaküldve; visszafizetve",
        "refunds": "visszatérítés; jóváírás; jóváíró számla",
        "paid": "fizetve; kifizetve; teljesítve; teljesített; kiszállítva; elküldve; lezárva; feldolgozás alatt",
    },
    "el": {
        "void": "ακυρωμένη; ακυρωμένο; ακυρωμένες; ακύρωση; απέτυχε; αποτυχημένη; αποτυχία; απορρίφθηκε; εκκρεμής πληρωμή; "
        "εκκρεμεί πληρωμή; αναμονή πληρωμής; σε αναμονή πληρωμής; απλήρωτη; απλήρωτο; μη πληρωμένη; πρόχειρο",
        "returned": "επιστράφηκε; επιστροφή χρημάτων; επιστράφηκαν τα χρήματα",
        "refunds": "πιστωτικό; πιστωτικό τιμολόγιο",
        "paid": "πληρωμένη; πληρωμένο; πληρώθηκε; ολοκληρώθηκε; ολοκληρωμένη; ολοκληρωμένο; απεστάλη; παραδόθηκε; σε επεξεργασία",
    },
    "uk": {
        "void": "скасований; скасоване; скасована; відмінено; відмінений; анульовано; не оплачено; неоплачено; не сплачено; "
        "неоплачений; очікує оплати; очікує на оплату; очікування оплати; в очікуванні оплати; не вдалося; невдалий; "
        "відхилено; чернетка",
        "returned": "повернено; повернуто; повернений; кошти повернено; гроші повернено; відшкодовано",
        "refunds": "повернення; повернення коштів",
        "paid": "оплачено; сплачено; виконано; виконаний; виконане; завершено; завершений; відправлено; доставлено; в обробці",
    },
    "ru": {
        "void": "отмена; аннулирован; аннулировано; не оплачено; неоплачен; неоплачено; в ожидании оплаты; ожидание оплаты; "
        "не удалось; не удался; отклонен; отклонён; отклонено; черновик",
        "returned": "возвращена; деньги возвращены; средства возвращены",
        "refunds": "возврат средств",
        "paid": "выполнено; завершен; завершён; завершено; оплачено; доставлен; доставлено; отправлен; в обработке",
    },
    "tr": {
        "void": "iptal edilmiş; ödenmemiş; ödeme bekleniyor; ödeme bekliyor; ödeme başarısız; başarısız; "
        "başarısız oldu; reddedildi; "
        "taslak",
        "returned": "geri ödendi; para iadesi yapıldı; iade tamamlandı",
        "refunds": "para iadesi; geri ödeme",
        "paid": "teslim edildi; kargoya verildi; kargolandı; hazırlanıyor; onaylandı; işleniyor; gönderildi",
    },
    "ar": {
        "void": "ملغى; ملغية; ملغاة; تم الإلغاء; تم الالغاء; غير مدفوع; غير مدفوعة; بانتظار الدفع; في انتظار الدفع; "
        "قيد انتظار الدفع; لم يتم الدفع; فشل; فاشل; فشلت; مرفوض; مرفوضة; مسودة; محذوف",
        "returned": "مسترجع; مسترجعة; مسترد; مستردة; تم الاسترجاع; تم استرداد المبلغ; تم الاسترداد; مرتجع",
        "refunds": "استرداد; إرجاع; استرجاع",
        "paid": "مدفوع; مدفوعة; مكتمل; مكتملة; تم التنفيذ; تم التوصيل; تم الشحن; تم الدفع; قيد التنفيذ",
    },
    "he": {
        "void": "בוטלה; מבוטל; מבוטלת; לא שולם; לא שולמה; ממתין לתשלום; ממתינה לתשלום; "
        "בהמתנה לתשלום; נכשל; נכשלה; נדחה; נדחתה; טיוטה",
        "returned": "זוכה; זוכתה; הוחזר; הוחזרה; בוצע החזר; הוחזר הכסף; זיכוי בוצע",
        "refunds": "זיכוי; החזר; החזר כספי; חשבונית זיכוי",
        "paid": "שולם; שולמה; הושלם; הושלמה; נשלח; נשלחה; נמסר; נמסרה; בטיפול",
    },
    "th": {
        "void": "ถูกยกเลิก; ยังไม่ชำระ; ยังไม่ชำระเงิน; ยังไม่ได้ชำระเงิน; รอชำระเงิน; รอการชำระเงิน; ที่ต้องชำระ; "
        "ล้มเหลว; ไม่สำเร็จ; "
        "ถูกปฏิเสธ; ฉบับร่าง",
        "returned": "คืนเงินแล้ว; คืนเงินสำเร็จ; คืนสินค้าแล้ว",
        "refunds": "คืนเงิน; คืนสินค้า",
        "paid": "ชำระแล้ว; ชำระเงินแล้ว; สำเร็จ; สำเร็จแล้ว; เสร็จสิ้น; จัดส่งแล้ว; ที่ต้องได้รับ; กำลังดำเนินการ",
    },
    "vi": {
        "void": "đã huỷ; hủy; huỷ; bị hủy; chưa thanh toán; chờ thanh toán; đang chờ thanh toán; thất bại; không thành công; "
        "bị từ chối; nháp",
        "returned": "đã hoàn tiền; đã hoàn trả; đã trả hàng; đã hoàn lại tiền",
        "refunds": "hoàn tiền; trả hàng; hoàn trả",
        "paid": "đã thanh toán; hoàn thành; đã hoàn thành; đã giao; đã giao hàng; đang giao; đang xử lý; thành công",
    },
    "id": {
        "void": "batal; pembatalan; belum dibayar; belum bayar; menunggu pembayaran; gagal; ditolak; draf; kedaluwarsa",
        "returned": "dikembalikan; dana dikembalikan",
        "refunds": "pengembalian dana; pengembalian",
        "paid": "dibayar; sudah dibayar; lunas; selesai; dikirim; terkirim; diproses; sedang diproses",
    },
    "zh-TW": {
        "void": "訂單已取消; 等待付款; 付款失敗; 已作廢; 不成立",
        "returned": "退款完成; 已退貨; 退貨完成; 全額退款",
        "refunds": "退款單; 退貨單; 退貨",
        "paid": "已出貨; 已結案; 已送達; 處理中; 已完成; 完成",
    },
}  # fmt: skip

STATE_NAMES: Final = (
    r"\btila\b|állapot|státusz|κατάσταση|\bстан\b|حالة|סטטוס|מצב|สถานะ|trạng thái|tình trạng|tillstånd|betaling|betalning|"
    r"платіж|оплат|pagamento|platb|maksu|fizetés|πληρωμή|ödeme|الدفع|תשלום|การชำระเงิน|thanh toán|pembayaran|付款|支付"
)
"""Names of state columns, as a regular expression."""
DELIVERY_NAMES: Final = (
    r"frete|doprav|doruč|frakt|leverans|levering|toimitus|szállít|αποστολ|παράδοσ|достав|відправ|kargo|teslimat|شحن|توصيل|"
    r"משלוח|จัดส่ง|ขนส่ง|giao hàng|vận chuyển|pengiriman|kurir|出貨|運送|送貨|forma de pagamento|meio de pagamento|"
    r"způsob platby|betalningssätt|betalingsmåte|betalingsmetode|maksutapa|fizetési mód|τρόπος|спосіб|способ|yöntemi|"
    r"طريقة|אמצעי|วิธี|ช่องทาง|phương thức|hình thức|metode|付款方式|支付方式|付款方法"
)
"""Names of delivery and payment method columns, as a regular expression."""
YES: Final = "ano; kyllä; igen; ναι; так; نعم; כן; ใช่; có; ya"
NO: Final = "ne; ei; nem; όχι; ні; لا; לא; ไม่; không; tidak; nej; nei; não"


def more_states(head: str) -> tuple[str, ...]:
    """Return the words for ``void``, ``returned``, ``refunds`` or ``paid`` states in these languages."""
    return tuple(word for words in _WORDS.values() for word in words.get(head, "").split("; ") if word)
